//! What goes to standard output. A reader who has gone, as `head` does, is no fault: the command goes on in silence.

use std::fmt::Arguments;
use std::io::{ErrorKind, Result, Stdout, Write};

/// As `print!`, to a reader who may have gone.
macro_rules! say {
    ($($what:tt)*) => { $crate::say::out(format_args!($($what)*)) };
}

/// As `println!`, to a reader who may have gone.
macro_rules! sayln {
    ($($what:tt)*) => { $crate::say::line(format_args!($($what)*)) };
}

/// Standard output that swallows what nobody reads any more.
#[derive(Debug)]
pub struct Quiet(pub Stdout);

impl Write for Quiet {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        match self.0.write(bytes) {
            Err(cause) if cause.kind() == ErrorKind::BrokenPipe => Ok(bytes.len()),
            other => other,
        }
    }

    fn flush(&mut self) -> Result<()> {
        match self.0.flush() {
            Err(cause) if cause.kind() == ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }
}

/// What `say!` is made of.
pub fn out(what: Arguments<'_>) {
    if let Err(cause) = Quiet(std::io::stdout()).write_fmt(what) {
        eprintln!("error: standard output cannot be written: {cause}");
    }
}

/// What `sayln!` is made of.
pub fn line(what: Arguments<'_>) {
    out(format_args!("{what}\n"));
}
