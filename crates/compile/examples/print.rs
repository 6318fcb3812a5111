//! Prints the SQL an app compiles to: `cargo run -p statehouse-compile --example print -- apps/orders`.

fn main() {
    let folder = std::env::args().nth(1).unwrap_or_else(|| "apps/orders".to_owned());
    let loaded = statehouse_definition::load(std::path::Path::new(&folder));
    for finding in &loaded.findings {
        eprintln!("{finding:?}");
    }
    let Some(app) = loaded.app else { std::process::exit(1) };
    match statehouse_compile::compile(&app) {
        Ok(compiled) => compiled.objects.iter().for_each(|object| println!("-- {}\n{}", object.id, object.sql)),
        Err(fault) => {
            eprintln!("{fault}");
            std::process::exit(1);
        }
    }
}
