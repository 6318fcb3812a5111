//! From texts to the typed model: shapes and words are judged here, names across files by `check`.

mod access;
mod app;
mod calculator;
mod call;
mod connector;
mod cx;
mod entity;
mod field;
mod inbox;
mod outcome_words;
mod outside;
mod pattern;
mod rows;
mod schedule;
mod state;
mod table;
mod transition;
mod wire;
pub(crate) mod words;

use std::collections::HashMap;
use std::sync::Arc;

use indexmap::IndexMap;

use crate::finding::{Finding, Severity, tidy};
use crate::model::{App, Span};
use crate::places::Places;
use crate::source::{Loaded, SourceFile};
use crate::yaml::{self, Node};
use cx::Cx;
use entity::Known;

pub(crate) use field::TYPES;
pub(crate) use schedule::WEEKDAYS;
pub(crate) use wire::host_of;

/// Larger files are no definitions.
const FILE_BYTES_MOST: usize = 1 << 20;

/// Folders that hold definitions, with what a file in them begins with.
const FOLDERS: [(&str, &[&str]); 4] =
    [("entities", &["entity"]), ("prices", &["table", "calculator"]), ("connectors", &["connector"]), ("inbox", &["inbox"])];

/// Folders whose files mean something, but not here.
pub(crate) const OTHER_FOLDERS: [&str; 3] = ["scenarios", "sql", "data"];

/// Folders whose meaning comes later.
const LATER_FOLDERS: [&str; 4] = ["documents", "prompts", "knowledge", "views"];

/// Reads the files of one app; pure. The app is there only if no error was found.
pub fn read(files: &[SourceFile]) -> Loaded {
    let mut findings = Vec::new();
    let app = Reading::new(files, &mut findings).run();
    tidy(&mut findings);
    let sound = findings.iter().all(|finding| finding.severity != Severity::Error);
    Loaded { app: app.filter(|_| sound), findings }
}

struct Parsed {
    path: Arc<str>,
    kind: &'static str,
    root: Node,
}

struct Reading<'a> {
    findings: &'a mut Vec<Finding>,
    places: Places,
    csv: HashMap<String, (Arc<str>, &'a str)>,
    parsed: Vec<Parsed>,
}

impl<'a> Reading<'a> {
    fn new(files: &'a [SourceFile], findings: &'a mut Vec<Finding>) -> Self {
        let mut reading = Reading { findings, places: Places::default(), csv: HashMap::new(), parsed: Vec::new() };
        for file in files {
            reading.take(file);
        }
        reading
    }

    fn take(&mut self, file: &'a SourceFile) {
        let path: Arc<str> = file.path.as_str().into();
        let top = Span { file: path.clone(), line: 1, column: 1, offset: 0, len: first_word(&file.text) };
        let kinds = match expected(&file.path) {
            Ok(kinds) => kinds,
            Err(None) => return,
            Err(Some((message, help))) => {
                self.findings.push(Finding::error("SH3046", &top, message).help(help));
                self.places.add_text(&path, &file.text);
                return;
            }
        };
        if file.text.len() > FILE_BYTES_MOST {
            let finding = Finding::error("SH3001", &top, format!("the file is larger than {FILE_BYTES_MOST} bytes"));
            return self.findings.push(finding.help("put rows into a `.csv` file, or split the file"));
        }
        self.places.add_text(&path, &file.text);
        if kinds.is_empty() {
            self.csv.insert(file.path.clone(), (path, &file.text));
            return;
        }
        let Some(root) = yaml::parse(&path, &file.text, self.findings) else {
            return;
        };
        match kinds.iter().copied().find(|kind| root.get(kind).is_some()) {
            Some(kind) => {
                if let Some(prefix) = prefix(kind, &root) {
                    self.places.add(&prefix, &root);
                }
                self.parsed.push(Parsed { path, kind, root });
            }
            None => {
                let written = root.entries().first();
                let at = written.map_or(&root.at, |entry| &entry.key_at);
                let finding = Finding::error("SH3005", at, format!("`{path}` has no `{}`", kinds[0]));
                self.findings.push(finding.help(format!("begin the file with `{}: NAME`", kinds.join(": NAME` or `"))));
            }
        }
    }

    fn run(mut self) -> Option<App> {
        let parsed = std::mem::take(&mut self.parsed);
        let root = parsed.iter().find(|file| file.kind == "app");
        let locales = root.map_or_else(|| vec!["en".to_owned()], |file| app::locales(&file.root));
        let mut cx = Cx { findings: self.findings, places: &self.places, locales: &locales };
        let app = root.and_then(|file| app::app(&mut cx, &file.root));
        if root.is_none() && !cx.findings.iter().any(|finding| &*finding.at.file == "app.yaml") {
            let at = Span { file: "app.yaml".into(), line: 1, column: 1, offset: 0, len: 0 };
            let finding = Finding::error("SH3005", &at, "there is no `app.yaml`");
            cx.push(finding.help("add `app.yaml` with `app: NAME`, `locales: [en]` and `time_zone: UTC`"));
        }
        // Without app.yaml the other files are still read, for their own faults; locales and capabilities unknown.
        let mut app = app.unwrap_or_else(|| nameless(&locales));
        let capabilities: Vec<String> = app.capabilities.keys().cloned().collect();
        let mut used = Vec::new();
        for file in parsed.iter().filter(|file| file.kind != "app") {
            one(&mut cx, file, &mut app, &capabilities, &self.csv, &mut used);
        }
        for (path, (file, _)) in &self.csv {
            if !used.contains(path) {
                let at = Span { file: file.clone(), line: 1, column: 1, offset: 0, len: 0 };
                let finding = Finding::error("SH3046", &at, format!("`{path}` is not read by any rule table"));
                cx.push(finding.help("name it under `rows:` of a table in the same folder"));
            }
        }
        app.places = self.places;
        call::hide_evidence(&mut app);
        Some(app)
    }
}

fn one(
    cx: &mut Cx<'_>,
    file: &Parsed,
    app: &mut App,
    capabilities: &[String],
    csv: &HashMap<String, (Arc<str>, &str)>,
    used: &mut Vec<String>,
) {
    match file.kind {
        "entity" => {
            let known = Known { capabilities: &|name| capabilities.iter().any(|known| known == name) };
            if let Some(entity) = entity::entity(cx, &file.root, &known) {
                let at = entity.at.clone();
                place(cx, &mut app.entities, entity.name.clone(), entity, &at);
            }
        }
        "connector" => {
            if let Some((name, connector)) = connector::connector(cx, &file.root) {
                let at = connector.at.clone();
                place(cx, &mut app.connectors, name, connector, &at);
            }
        }
        "inbox" => {
            if let Some((name, inbox)) = inbox::inbox(cx, &file.root) {
                let at = inbox.at.clone();
                place(cx, &mut app.inboxes, name, inbox, &at);
            }
        }
        "calculator" => {
            if let Some((name, calculator)) = calculator::calculator(cx, &file.root) {
                let at = calculator.at.clone();
                place(cx, &mut app.calculators, name, calculator, &at);
            }
        }
        _ => {
            let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
            let named = file.root.get("rows").and_then(|node| match &node.value {
                yaml::Value::Scalar { text, .. } => Some(format!("{folder}/{text}")),
                _ => None,
            });
            used.extend(named);
            let beside = |name: &str| csv.get(&format!("{folder}/{name}")).cloned();
            if let Some((name, table)) = table::table(cx, &file.root, &beside) {
                let at = table.at.clone();
                place(cx, &mut app.tables, name, table, &at);
            }
        }
    }
}

/// Puts a thing under its name; the file must be called the same, so that a name is found without searching.
fn place<T>(cx: &mut Cx<'_>, all: &mut IndexMap<String, T>, name: String, one: T, at: &Span) {
    let path = at.file.clone();
    let (folder, file) = path.rsplit_once('/').unwrap_or(("", &path));
    let (stem, ending) = file.rsplit_once('.').unwrap_or((file, ""));
    if all.contains_key(&name) {
        let finding = Finding::error("SH3003", at, format!("`{name}` is declared by two files"));
        return cx.push(finding.help("keep one of the two"));
    }
    if stem != name {
        let finding = Finding::error("SH3046", at, format!("`{path}` declares `{name}`"));
        cx.push(finding.help(format!("rename the file to `{folder}/{name}.{ending}`, or write `{stem}` here")));
    }
    all.insert(name, one);
}

/// What kinds of definition a path may hold (none for rows), or why it may not stand there.
fn expected(path: &str) -> Result<&'static [&'static str], Option<(String, String)>> {
    let ending = path.rsplit_once('.').map_or("", |(_, ending)| ending);
    let Some((folder, file)) = path.split_once('/') else {
        return match path {
            "app.yaml" | "app.json" => Ok(&["app"]),
            _ if ending == "md" || path.starts_with('.') => Err(None),
            _ => Err(Some((
                format!("`{path}` is not read here, expected `app.yaml`"),
                format!("move it to `entities/{path}`, or where its kind belongs, or remove it"),
            ))),
        };
    };
    if folder.starts_with('.') || OTHER_FOLDERS.contains(&folder) {
        return Err(None);
    }
    if LATER_FOLDERS.contains(&folder) {
        let message = format!("`{folder}/` is not read yet: it comes with a later release");
        return Err(Some((message, "take the file out of the app folder for now".to_owned())));
    }
    let Some((_, kinds)) = FOLDERS.iter().find(|(known, _)| *known == folder) else {
        let names = FOLDERS.iter().map(|(name, _)| *name);
        let help = match crate::finding::nearest(folder, names) {
            Some(near) => format!("did you mean `{near}/`?"),
            None => "folders are `entities/`, `prices/`, `connectors/`, `inbox/`".to_owned(),
        };
        return Err(Some((format!("`{folder}/` means nothing here"), help)));
    };
    match ending {
        "yaml" | "json" if !file.contains('/') => Ok(kinds),
        "csv" if folder == "prices" && !file.contains('/') => Ok(&[]),
        _ => Err(Some((
            format!("`{path}` is not read, expected `{folder}/NAME.yaml`"),
            match file.rsplit_once('.') {
                Some((stem, "yml")) if !file.contains('/') => {
                    format!("rename it to `{folder}/{stem}.yaml`")
                }
                _ => "move it where its kind belongs, or remove it".to_owned(),
            },
        ))),
    }
}

/// `entity/order`, under which the places of a file are kept.
fn prefix(kind: &str, root: &Node) -> Option<String> {
    match &root.get(kind)?.value {
        yaml::Value::Scalar { .. } if kind == "app" => Some("app".to_owned()),
        yaml::Value::Scalar { text, .. } => Some(format!("{kind}/{text}")),
        _ => None,
    }
}

fn first_word(text: &str) -> usize {
    text.find(|c: char| c.is_whitespace()).unwrap_or(text.len())
}

fn nameless(locales: &[String]) -> App {
    App {
        name: String::new(),
        label: IndexMap::new(),
        locales: locales.to_vec(),
        currency: String::new(),
        time_zone: "UTC".to_owned(),
        capabilities: IndexMap::new(),
        roles: IndexMap::new(),
        sets: IndexMap::new(),
        entities: IndexMap::new(),
        tables: IndexMap::new(),
        calculators: IndexMap::new(),
        connectors: IndexMap::new(),
        inboxes: IndexMap::new(),
        schedules: IndexMap::new(),
        calendars: IndexMap::new(),
        links: IndexMap::new(),
        forms: IndexMap::new(),
        places: Places::default(),
    }
}
