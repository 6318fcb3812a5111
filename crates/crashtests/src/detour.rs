//! The app of the proof with another connector that stands in for each of its own three, over providers of their own.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use statehouse_definition::{App, Severity, check, load};

use crate::provider::NAMES;
use crate::scene::{APP, Scene, folder};

impl Scene {
    /// As [`Scene::new`], where another connector stands in for each of the three, over providers of their own.
    ///
    /// # Panics
    /// When anything of it cannot be made.
    pub async fn with_stand_ins(program: &Path, hint: &str) -> Scene {
        let mut scene = Scene::new(program, hint).await;
        let dir = scene.dir().to_owned();
        scene.provider.stand_in(program, &dir).await.unwrap_or_else(|cause| panic!("no sandbox: {cause}"));
        let app = app(&folder(), &dir.join("app"));
        let text = serde_json::to_string(&app).unwrap_or_else(|cause| panic!("the app has no JSON form: {cause}"));
        let body = "update statehouse.definition set body = jsonb_build_object('text', $1::text) where app = $2";
        let written = scene.rows.client().execute(body, &[&text, &APP]).await.unwrap_or_else(|cause| panic!("{body}: {cause:?}"));
        assert_eq!(written, 1, "there is one definition");
        let mut settings = std::fs::read_to_string(dir.join("settings.yaml")).unwrap_or_else(|cause| panic!("no settings: {cause}"));
        for name in NAMES {
            let base = scene.provider.second_base(name).unwrap_or_default();
            let _ = writeln!(settings, "  {}: {{ base: \"{base}\" }}", stand_in(name));
        }
        std::fs::write(dir.join("settings.yaml"), settings).unwrap_or_else(|cause| panic!("no settings: {cause}"));
        scene
    }
}

/// The connector that stands in for one of the three.
#[must_use]
pub fn stand_in(name: &str) -> String {
    format!("{name}_two")
}

/// The app in `folder` with them, put together in the directory `into`.
///
/// # Panics
/// When it cannot be written, or is not sound.
#[must_use]
pub fn app(folder: &Path, into: &Path) -> App {
    copy(folder, into);
    for name in NAMES {
        let file = |name: &str| into.join("connectors").join(name).with_extension("yaml");
        let text = fs::read_to_string(file(name)).unwrap_or_else(|cause| panic!("connector `{name}`: {cause}"));
        let other = stand_in(name);
        // Of the same class, with the same actions: that is the condition.
        let second = text.replacen(&format!("connector: {name}\n"), &format!("connector: {other}\n"), 1);
        assert_ne!(text, second, "connector `{name}` does not say its name");
        write(&file(name), &format!("{text}fallback: {other}\n"));
        write(&file(&other), &second);
    }
    let loaded = load(into);
    let app = loaded.app.unwrap_or_else(|| panic!("it does not load: {:#?}", loaded.findings));
    let errors: Vec<_> = loaded.findings.into_iter().chain(check(&app)).filter(|finding| finding.severity == Severity::Error).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    app
}

fn copy(from: &Path, to: &Path) {
    let failed = |cause: std::io::Error| -> ! { panic!("`{}`: {cause}", from.display()) };
    if from.is_dir() {
        fs::create_dir_all(to).unwrap_or_else(|cause| failed(cause));
        for entry in fs::read_dir(from).unwrap_or_else(|cause| failed(cause)).flatten() {
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        fs::copy(from, to).unwrap_or_else(|cause| failed(cause));
    }
}

fn write(file: &Path, text: &str) {
    fs::write(file, text).unwrap_or_else(|cause| panic!("`{}`: {cause}", file.display()));
}
