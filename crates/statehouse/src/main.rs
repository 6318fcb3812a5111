#![doc = include_str!("../README.md")]

#[macro_use]
mod say;

mod cli;
mod commands;
mod cx;
mod failure;
mod folder;
mod log;
mod member;
mod private;
mod process;
mod render;
mod scratch;
mod settings;
mod sign_in;
mod spans;
mod stop;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are answers, not faults; everything else is wrong usage.
            let fault = error.use_stderr();
            if !fault || !print_json(&error) {
                let _ = error.print();
            }
            return if fault { failure::Exit::Usage.into() } else { ExitCode::SUCCESS };
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
    let ended = runtime.block_on(cli.command.run(&cx));
    log::end();
    match ended {
        Ok(exit) => exit.into(),
        Err(failure) => {
            render::failure(&failure, &cx);
            failure.exit.into()
        }
    }
}

/// Wrong usage as the one body, where `--json` is among the words; `true` when it was printed.
fn print_json(error: &clap::Error) -> bool {
    if !std::env::args_os().take_while(|word| word != "--").any(|word| word == "--json") {
        return false;
    }
    let text = error.render().to_string();
    let said = text.split("\n\n").next().unwrap_or_default().trim_start_matches("error: ");
    let said = said.lines().map(str::trim).collect::<Vec<_>>().join(" ");
    match serde_json::to_string_pretty(&statehouse_fault::Fault::new(statehouse_fault::SH1001, said)) {
        Ok(body) => sayln!("{body}"),
        Err(_) => return false,
    }
    true
}
