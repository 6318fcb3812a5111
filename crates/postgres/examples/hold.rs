//! Starts or attaches to the server in the given directory and holds it until standard input closes.
//!
//! `hold DATA [NAME=VALUE …]` prints one line, `owned SOCKET_DIR` or `attached SOCKET_DIR`, once the server answers.

use std::io::Read;
use std::process::ExitCode;

use statehouse_postgres::{Options, PostgresFault, Server};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            println!("{} {fault}", fault.code());
            eprintln!("help: {}", fault.help());
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<(), PostgresFault> {
    let mut arguments = std::env::args().skip(1);
    let mut options = Options::new(arguments.next().unwrap_or_else(|| "data".into()));
    for setting in arguments {
        let (name, value) = setting.split_once('=').unwrap_or((&setting, ""));
        options = options.with(name, value);
    }
    let server = Server::start_or_attach(&options)?;
    let standing = if server.owned() { "owned" } else { "attached" };
    println!("{standing} {}", server.socket_dir().display());
    // Until the other end closes; what it sends does not matter.
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    server.stop()
}
