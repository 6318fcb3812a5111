//! Runs one server for all test processes: `testkit-cluster DIR` prints the socket directory once it answers,
//! and stays until standard input closes. Killed, its server ends by itself.

use std::io::{Read, Write};
use std::path::Path;
use std::process::ExitCode;

use statehouse_testkit::Cluster;

fn main() -> ExitCode {
    let Some(dir) = std::env::args_os().nth(1) else {
        eprintln!("usage: testkit-cluster DIR");
        return ExitCode::from(2);
    };
    let cluster = match Cluster::start(Path::new(&dir)) {
        Ok(cluster) => cluster,
        Err(fault) => {
            eprintln!("error[{}]: {fault}\nhelp: {}", fault.code(), fault.help());
            return ExitCode::from(2);
        }
    };
    if !cluster.owned() {
        eprintln!(
            "error: another process runs the server in `{}`\nhelp: use its socket directory, or another DIR",
            Path::new(&dir).display()
        );
        return ExitCode::from(2);
    }
    println!("{}", cluster.socket_dir().display());
    // Whoever reads it may be a pipe: nothing else would push the line through. If nobody reads, the end of input follows.
    let _ = std::io::stdout().flush();
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    ExitCode::SUCCESS
}
