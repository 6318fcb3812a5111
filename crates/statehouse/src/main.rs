#![doc = include_str!("../README.md")]

mod cli;
mod commands;
mod cx;
mod failure;
mod folder;
mod render;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are answers, not faults; everything else is wrong usage.
            let _ = error.print();
            return if error.use_stderr() { failure::Exit::Usage.into() } else { ExitCode::SUCCESS };
        }
    };
    let cx = cx::Cx::new(&cli.options);
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: no threads to run on: {error}");
            return failure::Exit::Refused.into();
        }
    };
    match runtime.block_on(cli.command.run(&cx)) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            render::failure(&failure, &cx);
            failure.exit.into()
        }
    }
}
