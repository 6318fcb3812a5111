//! Every app of the project loads and checks without a word, survives the database, and names its schemas.

use std::fs;
use std::path::PathBuf;

use statehouse_definition::{App, check, load};

fn apps() -> Vec<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../apps");
    let mut apps: Vec<PathBuf> = fs::read_dir(folder).expect("the apps").map(|app| app.expect("an app").path()).collect();
    apps.sort();
    apps
}

#[test]
fn every_app_is_sound() {
    let apps = apps();
    assert!(apps.len() >= 3, "{apps:?}");
    for path in apps {
        let loaded = load(&path);
        assert_eq!(loaded.findings, [], "{}", path.display());
        let app = loaded.app.expect("an app without findings is there");
        assert_eq!(check(&app), [], "{}", path.display());
        let stored = serde_json::to_value(&app).expect("an app is JSON");
        let back: App = serde_json::from_value(stored.clone()).expect("and comes back");
        assert_eq!(serde_json::to_value(&back).expect("an app is JSON"), stored);
        assert_eq!(check(&back), []);
        for file in ["README.md", "data/people.yaml"] {
            assert!(path.join(file).exists(), "{}/{file}", path.display());
        }
    }
}
