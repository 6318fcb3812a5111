//! Asking a socket whether a server answers, by the first message of the protocol.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use crate::SUPERUSER;

const ANSWER_WITHIN: Duration = Duration::from_secs(5);
const PROTOCOL_3: [u8; 4] = [0, 3, 0, 0];
/// The longest refusal we care to read.
const ANSWER_BYTES_MAX: u64 = 4_096;

/// What a socket said.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// A session was opened.
    Ready,
    /// A server is there, starting or stopping (57P03).
    NotYet,
    /// A server is there and refuses us.
    Refused(String),
    /// The operating system does not let us reach the socket.
    Closed,
    /// Nobody answers.
    Silent,
}

/// Opens a session as the superuser and closes it.
pub(crate) fn ask(socket: &Path) -> Answer {
    match converse(socket) {
        Ok(answer) => answer,
        Err(cause) if cause.kind() == io::ErrorKind::PermissionDenied => Answer::Closed,
        Err(_) => Answer::Silent,
    }
}

fn converse(socket: &Path) -> io::Result<Answer> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(ANSWER_WITHIN))?;
    stream.set_write_timeout(Some(ANSWER_WITHIN))?;
    stream.write_all(&startup())?;
    let mut head = [0; 5];
    stream.read_exact(&mut head)?;
    if head[0] == b'R' {
        // Terminate in order, so that the server does not log a lost client.
        stream.write_all(&[b'X', 0, 0, 0, 4])?;
        return Ok(Answer::Ready);
    }
    let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]).saturating_sub(4);
    let mut body = Vec::new();
    stream.take(u64::from(length).min(ANSWER_BYTES_MAX)).read_to_end(&mut body)?;
    Ok(refusal(&body))
}

fn startup() -> Vec<u8> {
    let mut body = PROTOCOL_3.to_vec();
    for word in ["user", SUPERUSER, "database", "postgres", ""] {
        body.extend_from_slice(word.as_bytes());
        body.push(0);
    }
    let length = u32::try_from(body.len() + 4).unwrap_or(u32::MAX);
    [length.to_be_bytes().to_vec(), body].concat()
}

/// Fields are a letter and a text each: C the code, M the message.
fn refusal(body: &[u8]) -> Answer {
    let field = |letter: u8| {
        let found = body.split(|byte| *byte == 0).find(|field| field.first() == Some(&letter));
        found.map(|field| String::from_utf8_lossy(&field[1..]).into_owned()).unwrap_or_default()
    };
    if field(b'C') == "57P03" { Answer::NotYet } else { Answer::Refused(field(b'M')) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_startup_message_is_the_documented_one() {
        let message = startup();
        assert_eq!(message[..8], [0, 0, 0, 41, 0, 3, 0, 0]);
        assert_eq!(&message[8..], b"user\0postgres\0database\0postgres\0\0");
    }

    #[test]
    fn a_starting_server_is_told_from_a_refusing_one() {
        assert_eq!(refusal(b"SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0"), Answer::NotYet);
        let refused = refusal(b"SFATAL\0C53300\0Msorry, too many clients already\0\0");
        assert_eq!(refused, Answer::Refused("sorry, too many clients already".into()));
    }
}
