//! The app's folder as commands take it.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use statehouse_definition::{App, Finding, Severity, SourceFile, check, load, tidy};
use statehouse_store::Place;
use statehouse_store::apply::{Proposal, propose, typed};

use crate::cx::{Cx, Reached};
use crate::failure::Failure;
use crate::render;

/// An app's folder, read and judged.
#[derive(Debug)]
pub struct Folder {
    /// The app, if no error was found.
    pub app: Option<App>,
    /// What is wrong or doubtful, sorted by place.
    pub findings: Vec<Finding>,
}

impl Folder {
    /// Reads and judges the folder.
    pub fn read(dir: &Path) -> Folder {
        let loaded = load(dir);
        let mut findings = loaded.findings;
        if let Some(app) = &loaded.app {
            findings.extend(check(app));
            tidy(&mut findings);
        }
        let sound = !findings.iter().any(|finding| finding.severity == Severity::Error);
        Folder { app: loaded.app.filter(|_| sound), findings }
    }

    /// The app, or its findings drawn and a failure.
    ///
    /// # Errors
    /// When the definition has errors; they are on standard error by then.
    pub fn sound(dir: &Path, cx: &Cx) -> Result<App, Failure> {
        let folder = Folder::read(dir);
        match folder.app {
            Some(app) => Ok(app),
            None => {
                let shown = statehouse_definition::shorten(folder.findings, render::SHOWN_MOST);
                Err(render::refused_definition(dir, &shown, cx))
            }
        }
    }
}

/// What `plan` and `apply` both take.
#[derive(Debug, clap::Args)]
pub struct Change {
    /// The app's folder
    #[arg(default_value = ".")]
    app: PathBuf,
    /// A YAML file that says where the records of removed states go, such as `booking: { booked: { to: reserved } }`
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
}

impl Change {
    /// The app, the database it is for, and what would change there.
    ///
    /// # Errors
    /// When the definition or the mapping is not sound, or the database cannot be asked.
    pub async fn propose(&self, cx: &Cx) -> Result<(App, Reached, Proposal), Failure> {
        let app = Folder::sound(&self.app, cx)?;
        let mapping = self.mapping.as_ref().map(yaml).transpose()?.unwrap_or_default();
        let reached = cx.reach(&app.name)?;
        let proposal = propose(&reached.place, &app, &mapping).await?;
        type_changed(&self.app, &reached.place, &app, &proposal, cx).await?;
        Ok((app, reached, proposal))
    }
}

/// Lets Postgres type a definition that it has not seen yet; findings are drawn.
///
/// # Errors
/// When there is an error among them, or the database cannot be asked.
pub async fn type_changed(dir: &Path, place: &Place, app: &App, proposal: &Proposal, cx: &Cx) -> Result<(), Failure> {
    if !proposal.text_changed {
        return Ok(());
    }
    let found = typed::check(place, app).await?;
    if found.iter().any(|finding| finding.severity == Severity::Error) {
        return Err(render::refused_definition(dir, &found, cx));
    }
    if !cx.json {
        render::findings(dir, &found, cx);
    }
    Ok(())
}

/// The texts of the folder, to draw findings on.
pub fn texts(dir: &Path) -> Vec<SourceFile> {
    statehouse_definition::sources(dir).0
}

/// Reads a YAML file that is not part of the definition.
///
/// # Errors
/// When it cannot be read or has another form.
pub fn yaml<T: DeserializeOwned>(path: &PathBuf) -> Result<T, Failure> {
    let text = std::fs::read_to_string(path).map_err(|cause| Failure::file("read", path, &cause))?;
    serde_saphyr::from_str(&text)
        .map_err(|cause| Failure::new(statehouse_fault::SH1004, format!("`{}` cannot be read: {cause}", path.display())))
}
