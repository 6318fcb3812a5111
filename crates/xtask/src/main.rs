//! `cargo xtask COMMAND`.

use std::process::ExitCode;

use statehouse_xtask::tree::Tree;
use statehouse_xtask::{codes, floors, lengths, readmes, tree, words};

fn main() -> ExitCode {
    let command = std::env::args().nth(1).unwrap_or_default();
    let done = match command.as_str() {
        "tidy" => tidy(),
        "unprovoked" => write_unprovoked(),
        "sql" => sql(&std::env::args().nth(2).unwrap_or_else(|| "apps/orders".to_owned())),
        _ => Err(vec!["usage: cargo xtask tidy | unprovoked | sql APP".to_owned()]),
    };
    match done {
        Ok(said) => {
            println!("{said}");
            ExitCode::SUCCESS
        }
        Err(problems) => {
            for problem in &problems {
                eprintln!("{problem}");
            }
            ExitCode::FAILURE
        }
    }
}

fn tidy() -> Result<String, Vec<String>> {
    let root = tree::root();
    let tree = Tree::read(&root).map_err(|cause| vec![cause.to_string()])?;
    for note in lengths::notes(&tree) {
        println!("note: {note}");
    }
    let problems: Vec<String> = [
        floors::problems(&tree),
        words::problems(&tree),
        readmes::problems(&tree),
        codes::pages(&tree),
        codes::mentions(&tree),
        codes::provoked(&tree),
    ]
    .concat();
    if problems.is_empty() { Ok("tidy".to_owned()) } else { Err(problems) }
}

fn write_unprovoked() -> Result<String, Vec<String>> {
    let root = tree::root();
    let write = || -> std::io::Result<String> {
        let tree = Tree::read(&root)?;
        let (text, count) = codes::unprovoked(&tree);
        std::fs::write(root.join(codes::UNPROVOKED), text)?;
        Ok(format!("{count} codes are provoked by no test"))
    };
    write().map_err(|cause| vec![cause.to_string()])
}

/// The SQL an app compiles to, for reading.
fn sql(folder: &str) -> Result<String, Vec<String>> {
    let loaded = statehouse_definition::load(std::path::Path::new(folder));
    let app = loaded
        .app
        .ok_or_else(|| loaded.findings.iter().map(|f| format!("{}:{}: {}", f.at.file, f.at.line, f.message)).collect::<Vec<_>>())?;
    let compiled = statehouse_compile::compile(&app).map_err(|fault| vec![fault.to_string()])?;
    Ok(compiled.objects.iter().map(|object| format!("-- {}\n{}", object.id, object.sql)).collect::<Vec<_>>().join("\n"))
}
