//! The durable log: every line is handed to the system before anything is answered, so that what a caller saw is in the
//! file whatever becomes of this process.

mod line;

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

pub(crate) use line::{Kept, Put};
pub use line::{Line, Sent};

/// Where the lines stand.
#[derive(Debug)]
enum Store {
    File(File),
    Memory(Vec<u8>),
    Closed,
}

/// The log, with the place of every line in it.
#[derive(Debug)]
pub(crate) struct Log {
    store: Store,
    /// Where each line begins; the last is where the next one will.
    begins: Vec<u64>,
    buffer: Vec<u8>,
}

impl Log {
    /// One that is gone with the process.
    pub(crate) fn in_memory() -> Log {
        Log { store: Store::Memory(Vec::new()), begins: vec![0], buffer: Vec::new() }
    }

    /// Opens a file, made where there is none, and hands every line in it to `see`. A last line that is not whole was
    /// never answered to anybody, so it is cut off.
    ///
    /// # Errors
    /// When it cannot be opened or read, is held by another process, or holds something else.
    pub(crate) fn open(path: &Path, mut see: impl FnMut(Line)) -> io::Result<Log> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        file.try_lock().map_err(|_| io::Error::other("another process holds it"))?;
        let mut begins = vec![0];
        let mut reader = BufReader::new(&file);
        let mut text = Vec::new();
        let mut end = 0;
        loop {
            text.clear();
            let length = reader.read_until(b'\n', &mut text)?;
            if text.last() != Some(&b'\n') {
                break;
            }
            let line: Line = serde_json::from_slice(&text).map_err(|cause| {
                io::Error::new(io::ErrorKind::InvalidData, format!("line {} is not one of a sandbox: {cause}", begins.len()))
            })?;
            if line.n != begins.len() as u64 {
                return Err(io::Error::new(io::ErrorKind::InvalidData, format!("line {} has the number {}", begins.len(), line.n)));
            }
            see(line);
            end += length as u64;
            begins.push(end);
        }
        file.set_len(end)?;
        Ok(Log { store: Store::File(file), begins, buffer: Vec::new() })
    }

    /// The number of the next line.
    pub(crate) fn next(&self) -> u64 {
        self.begins.len() as u64
    }

    /// Writes a line. When this returns, the line is the system's to keep.
    ///
    /// # Errors
    /// When it cannot be written; then nothing of it stands in the log.
    pub(crate) fn append(&mut self, line: &Line) -> io::Result<()> {
        self.buffer.clear();
        serde_json::to_writer(&mut self.buffer, line)?;
        self.buffer.push(b'\n');
        let begin = self.end();
        match &mut self.store {
            // Written where the last whole line ends: what a failed attempt left behind is written over.
            Store::File(file) => file.write_all_at(&self.buffer, begin)?,
            Store::Memory(bytes) => bytes.write_all(&self.buffer)?,
            Store::Closed => return Err(io::Error::other("the sandbox has stopped")),
        }
        self.begins.push(begin + self.buffer.len() as u64);
        Ok(())
    }

    /// Up to `most` lines with a number above `after`, as they stand in the file.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn text(&self, after: u64, most: usize) -> io::Result<Vec<u8>> {
        let first = usize::try_from(after).unwrap_or(usize::MAX).min(self.begins.len() - 1);
        let last = first.saturating_add(most).min(self.begins.len() - 1);
        self.bytes(self.begins[first], self.begins[last])
    }

    /// The lines of these numbers.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn lines(&self, numbers: &[u64]) -> io::Result<Vec<Line>> {
        numbers.iter().map(|n| Ok(serde_json::from_slice(&self.text(n - 1, 1)?)?)).collect()
    }

    /// Begins anew.
    ///
    /// # Errors
    /// When the file cannot be cut.
    pub(crate) fn clear(&mut self) -> io::Result<()> {
        match &mut self.store {
            Store::File(file) => file.set_len(0)?,
            Store::Memory(bytes) => bytes.clear(),
            Store::Closed => {}
        }
        self.begins.truncate(1);
        Ok(())
    }

    /// Lets go of the file: nothing is written from here on.
    pub(crate) fn close(&mut self) {
        self.store = Store::Closed;
        self.begins.truncate(1);
    }

    fn end(&self) -> u64 {
        self.begins.last().copied().unwrap_or_default()
    }

    fn bytes(&self, from: u64, to: u64) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; (to - from) as usize];
        match &self.store {
            Store::File(file) => file.read_exact_at(&mut bytes, from)?,
            Store::Memory(all) => bytes.copy_from_slice(&all[from as usize..to as usize]),
            Store::Closed => bytes.clear(),
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(log: &Log, op: &str) -> Line {
        Line { n: log.next(), op: op.to_owned(), ..Line::default() }
    }

    fn opened(path: &Path) -> io::Result<(Log, Vec<String>)> {
        let mut seen = Vec::new();
        let log = Log::open(path, |line| seen.push(line.op))?;
        Ok((log, seen))
    }

    #[test]
    fn a_torn_last_line_is_cut_off_and_written_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let (mut log, _) = opened(&path).unwrap();
        for op in ["one", "two", "three"] {
            let line = line(&log, op);
            log.append(&line).unwrap();
        }
        drop(log);
        let whole = std::fs::read(&path).unwrap();
        let begin = whole[..whole.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
        for cut in begin..whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let (mut log, seen) = opened(&path).unwrap();
            assert_eq!((seen, log.next()), (vec!["one".to_owned(), "two".to_owned()], 3), "cut at {cut}");
            let four = line(&log, "four");
            log.append(&four).unwrap();
            drop(log);
            assert_eq!(opened(&path).unwrap().1, ["one", "two", "four"]);
        }
    }

    #[test]
    fn a_log_is_held_by_one_and_holds_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let (log, _) = opened(&path).unwrap();
        assert!(opened(&path).is_err());
        drop(log);
        for (text, said) in
            [("hello\n", "line 1 is not"), ("{\"n\":2,\"at\":\"\",\"provider\":\"\",\"op\":\"\",\"effect\":false}\n", "number 2")]
        {
            std::fs::write(&path, text).unwrap();
            assert!(opened(&path).unwrap_err().to_string().contains(said));
        }
    }

    #[test]
    fn read_by_number() {
        let folder = tempfile::tempdir().unwrap();
        for mut log in [Log::in_memory(), opened(&folder.path().join("log")).unwrap().0] {
            for op in ["one", "two", "three"] {
                let line = line(&log, op);
                log.append(&line).unwrap();
            }
            let text = String::from_utf8(log.text(1, 9).unwrap()).unwrap();
            assert_eq!(text.lines().count(), 2);
            assert!(text.contains("two") && text.contains("three"));
            assert_eq!(log.text(9, 9).unwrap(), b"");
            assert_eq!(log.lines(&[3]).unwrap()[0].op, "three");
            log.clear().unwrap();
            assert_eq!((log.next(), log.text(0, 9).unwrap().len()), (1, 0));
        }
    }
}
