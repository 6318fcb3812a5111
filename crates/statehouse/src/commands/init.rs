//! `statehouse init`: a small working app to start from.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;
use statehouse_definition::{App, Severity, SourceFile, schema};
use statehouse_fault::{Code, Fault, SH9001};

use crate::cx::Cx;
use crate::failure::{Exit, Failure};

/// What it takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The app's name, which is also its folder: lower-case letters, digits and `_`
    name: String,
    /// What to start from
    #[arg(long, value_parser = ["booking"], default_value = "booking")]
    template: String,
}

/// A file of the template; `{{app}}` in it becomes the app's name.
macro_rules! file {
    ($to:literal from $from:literal) => {
        ($to, include_str!(concat!("../../templates/booking/", $from)))
    };
    ($name:literal) => {
        file!($name from $name)
    };
}

const BOOKING: &[(&str, &str)] = &[
    file!("app.yaml"),
    file!("entities/room.yaml"),
    file!("entities/booking.yaml"),
    file!("data/people.yaml"),
    file!("README.md"),
    file!(".gitignore" from "gitignore"),
];

/// Runs it.
pub async fn run(args: Args, cx: &Cx) -> Result<Exit, Failure> {
    let dir = PathBuf::from(&args.name);
    let name = app_name(&dir)?;
    refuse_existing(&dir)?;
    let mut files: Vec<(String, String)> =
        BOOKING.iter().map(|(path, text)| ((*path).to_owned(), text.replace("{{app}}", &name))).collect();
    let app = judge(&name, &files)?;
    for (path, text) in &files {
        write(&dir, path, text)?;
    }
    for (path, schema) in schema::write(&app) {
        let text = format!("{schema:#}\n");
        let path = format!(".statehouse/{path}");
        write(&dir, &path, &text)?;
        files.push((path, text));
    }
    let written: Vec<&String> = files.iter().map(|(path, _)| path).collect();
    let folder = dir.display();
    let next = [
        format!("statehouse check {folder}"),
        format!("statehouse dev {folder} --data {folder}/.data"),
        format!("statehouse plan {folder} --data {folder}/.data"),
    ];
    if !cx.print_json(&json!({ "app": name, "template": args.template, "files": written, "next": next })) {
        sayln!("wrote {} files to `{folder}`; next:", written.len());
        next.iter().for_each(|command| sayln!("  {command}"));
    }
    Ok(Exit::Fine)
}

/// The folder's own name; it becomes a schema, so it must be a plain word.
fn app_name(dir: &Path) -> Result<String, Failure> {
    let name = dir.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let plain = name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.len() <= 30
        && name.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_');
    if plain {
        return Ok(name);
    }
    Err(Failure::new(statehouse_fault::SH3007, format!("`{name}` cannot be the name of an app")))
}

/// The app as it will stand there; a name that cannot be used is refused before anything is written.
fn judge(name: &str, files: &[(String, String)]) -> Result<App, Failure> {
    let yaml = files.iter().filter(|(path, _)| path.ends_with(".yaml") && !path.starts_with("data/"));
    let sources: Vec<SourceFile> = yaml.map(|(path, text)| SourceFile { path: path.clone(), text: text.clone() }).collect();
    let mut read = statehouse_definition::read(&sources);
    if let Some(app) = &read.app {
        read.findings.extend(statehouse_definition::check(app));
    }
    let error = read.findings.into_iter().find(|finding| finding.severity == Severity::Error);
    match (read.app, error) {
        (Some(app), None) => Ok(app),
        (_, Some(finding)) => {
            let code = Code::find(finding.code).unwrap_or(SH9001);
            let fault = Fault::new(code, format!("`{name}` cannot be the name of an app: {}", finding.message));
            Err(finding.help.iter().fold(fault, |fault, help| fault.with_help(help)).into())
        }
        (None, None) => Err(Failure::new(SH9001, "the template cannot be read")),
    }
}

fn refuse_existing(dir: &Path) -> Result<(), Failure> {
    match fs::read_dir(dir).map(|mut entries| entries.next().is_none()) {
        Ok(false) => Err(Failure::usage(format!("`{}` is there and not empty; nothing was written", dir.display()))),
        _ => Ok(()),
    }
}

fn write(dir: &Path, path: &str, text: &str) -> Result<(), Failure> {
    let path = dir.join(path);
    let parent = path.parent().unwrap_or(dir);
    fs::create_dir_all(parent).map_err(|cause| Failure::file("make", parent, &cause))?;
    fs::write(&path, text).map_err(|cause| Failure::file("write", &path, &cause))
}
