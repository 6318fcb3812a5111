//! What a client asks, in groups that the server answers as one, and which of them commit.

use std::collections::HashMap;

use super::frame::Frame;

/// The messages that the server answers with one `ReadyForQuery`.
#[derive(Debug, Default)]
pub struct Group {
    /// As they came.
    pub frames: Vec<Frame>,
    /// Whether a transaction ends with it, as far as the client can want that.
    pub commits: bool,
    /// The statements of that transaction, in lower case.
    pub said: String,
}

/// Follows one client.
#[derive(Debug, Default)]
pub struct Track {
    open: Group,
    // Names of prepared statements and portals, and their texts.
    statements: HashMap<String, String>,
    portals: HashMap<String, String>,
    in_block: bool,
    committed: bool,
    said: String,
}

impl Track {
    /// Takes one message; the whole group with the last of it.
    pub fn take(&mut self, frame: Frame) -> Option<Group> {
        let ends = matches!(frame.kind, 0 | b'p' | b'Q' | b'S' | b'H' | b'X');
        match frame.kind {
            b'Q' => {
                let text = frame.texts().next().unwrap_or_default();
                text.split(';').map(str::trim).filter(|one| !one.is_empty()).for_each(|one| self.runs(one));
            }
            b'P' => {
                let mut texts = frame.texts();
                let (name, text) = (texts.next().unwrap_or_default(), texts.next().unwrap_or_default());
                self.statements.insert(name, text);
            }
            b'B' => {
                let mut texts = frame.texts();
                let (portal, name) = (texts.next().unwrap_or_default(), texts.next().unwrap_or_default());
                let text = self.statements.get(&name).cloned().unwrap_or_default();
                self.portals.insert(portal, text);
            }
            b'E' => {
                let portal = frame.texts().next().unwrap_or_default();
                let text = self.portals.get(&portal).cloned().unwrap_or_default();
                self.runs(&text);
            }
            _ => {}
        }
        let answered = matches!(frame.kind, b'Q' | b'S');
        self.open.frames.push(frame);
        if !ends {
            return None;
        }
        let mut group = std::mem::take(&mut self.open);
        if answered && !self.in_block && !self.said.is_empty() {
            group.commits = true;
            group.said = std::mem::take(&mut self.said);
        }
        if answered && self.committed {
            self.said.clear();
        }
        self.committed = false;
        Some(group)
    }

    fn runs(&mut self, statement: &str) {
        let statement = statement.trim().to_lowercase();
        match statement.split_whitespace().next() {
            Some("begin" | "start") => self.in_block = true,
            Some("commit" | "end") => (self.in_block, self.committed) = (false, true),
            Some("rollback" | "abort") => {
                self.in_block = false;
                self.said.clear();
                return;
            }
            _ => {}
        }
        if self.said.len() < 100_000 {
            self.said.push_str(&statement);
            self.said.push('\n');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, body: &str) -> Frame {
        let mut bytes = vec![kind];
        bytes.extend(u32::try_from(body.len() + 4).unwrap().to_be_bytes());
        bytes.extend(body.as_bytes());
        Frame { kind, bytes }
    }

    fn check(frames: &[(u8, &str)], expected: &[(bool, &str)]) {
        let mut track = Track::default();
        let groups: Vec<Group> = frames.iter().filter_map(|(kind, body)| track.take(frame(*kind, body))).collect();
        let seen: Vec<(bool, &str)> = groups.iter().map(|group| (group.commits, group.said.as_str())).collect();
        assert_eq!(seen, expected);
    }

    #[test]
    fn a_transaction_commits_with_its_last_group_and_a_lone_statement_with_its_own() {
        check(
            &[
                (b'Q', "begin\0"),
                (b'P', "s1\0select set_it()\0"),
                (b'S', ""),
                (b'B', "\0s1\0"),
                (b'E', "\0"),
                (b'S', ""),
                (b'Q', "commit\0"),
            ],
            &[(false, ""), (false, ""), (false, ""), (true, "begin\nselect set_it()\ncommit\n")],
        );
        check(&[(b'P', "s\0Insert X\0"), (b'B', "\0s\0"), (b'E', "\0"), (b'S', "")], &[(true, "insert x\n")]);
        check(&[(b'Q', "begin; insert x; commit\0"), (b'S', "")], &[(true, "begin\ninsert x\ncommit\n"), (false, "")]);
    }

    #[test]
    fn what_is_rolled_back_commits_nothing() {
        check(
            &[(b'Q', "begin\0"), (b'Q', "insert x\0"), (b'Q', "rollback\0"), (b'Q', "update y\0")],
            &[(false, ""), (false, ""), (false, ""), (true, "update y\n")],
        );
    }
}
