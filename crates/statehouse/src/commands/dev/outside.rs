//! The outside of a development server: stand-ins in this process, secrets made up for both sides, and addresses at which
//! the stand-ins tell what has happened. Nothing that an app sends leaves the machine unless a setting says where to.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use statehouse_definition::App;
use statehouse_definition::model::{Auth, Connector, Inbox};
use statehouse_http::Settings;
use statehouse_sandbox::{Sandbox, Target, stand_ins};
use statehouse_store::people::tenant;
use statehouse_store::{Place, inbox};

use crate::failure::Failure;
use crate::private;

/// Which stand-in speaks for a provider.
const HOSTS: [(&str, &str); 8] = [
    ("twilio.com", "twilio"),
    ("facebook.com", "meta"),
    ("telegram.org", "telegram"),
    ("postmarkapp.com", "mail"),
    ("stripe.com", "stripe"),
    ("mercadopago.com", "mercadopago"),
    ("asaas.com", "asaas"),
    ("hellosign.com", "dropboxsign"),
];

/// In which header the stand-in of a bank says which certificate it has.
const CERTIFICATE: &str = "x-client-certificate";

/// The stand-ins, and where what belongs to them is kept.
pub struct Outside {
    sandbox: Sandbox,
    kept: PathBuf,
    secrets: BTreeMap<String, String>,
}

impl Outside {
    /// Starts the stand-ins; their log and the secrets lie in `data`.
    pub async fn start(app: &App, data: &Path) -> Result<Outside, Failure> {
        let log = Some(data.join("sandbox.jsonl"));
        let sandbox = Sandbox::start(statehouse_sandbox::Settings { log, ..Default::default() }).await?;
        let kept = data.join("dev-secrets.yaml");
        let before = fs::read_to_string(&kept).ok().and_then(|text| serde_json::from_str(&text).ok());
        let mut secrets: BTreeMap<String, String> = before.unwrap_or_default();
        for name in named(app, "secret") {
            secrets.entry(name.clone()).or_insert_with(|| made_up(&name));
        }
        Ok(Outside { sandbox, kept, secrets })
    }

    /// Where what was sent can be seen.
    pub fn url(&self) -> String {
        format!("http://{}", self.sandbox.address)
    }

    /// Points everything to the stand-ins that nobody has pointed elsewhere.
    pub fn settle(&self, settings: &mut Settings, app: &App) -> Result<(), Failure> {
        for (name, connector) in &app.connectors {
            let Some(base) = self.base(name, connector) else { continue };
            let outer = settings.connectors.entry(name.clone()).or_default();
            if outer.base.is_empty() {
                outer.base = base;
            }
            for setting in named(app, "setting") {
                outer.settings.entry(setting.clone()).or_insert_with(|| usual(&setting));
            }
        }
        // Who is known by a certificate is known by a proxy in front; here the stand-in says itself which it has.
        if app.inboxes.values().any(|inbox| inbox.scheme == "pix") && settings.inbound.certificate_header.is_empty() {
            settings.inbound.certificate_header = CERTIFICATE.to_owned();
            settings.trusted_proxies.push("127.0.0.1".to_owned());
        }
        if settings.secrets.file.is_empty() {
            // JSON is YAML, and what was made up once stays.
            let text = serde_json::to_string_pretty(&self.secrets).unwrap_or_default();
            private::write(&self.kept, &text)?;
            settings.secrets.file = self.kept.display().to_string();
        }
        Ok(())
    }

    /// Tells the stand-ins where each tenant is told. The addresses of an earlier start are ended.
    pub async fn introduce(&self, place: &Place, app: &App, api: &str) -> Result<(), Failure> {
        let mut admin = place.connect_admin().await?;
        let list = self.kept.with_file_name("dev-endpoints.json");
        let before: Vec<uuid::Uuid> = fs::read_to_string(&list).ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        for id in before {
            inbox::withdraw(&admin, id).await?;
        }
        let tenants = tenant::all(&admin).await?;
        let mut made = Vec::new();
        for (name, source) in &app.inboxes {
            let Some(provider) = teller(app, name, source) else { continue };
            let secret = source.secrets.first().and_then(|secret| self.secrets.get(secret)).map_or("", String::as_str);
            let mut targets = Vec::new();
            for tenant in &tenants {
                let endpoint = inbox::issue(&mut admin, app, &tenant.slug, name, None).await?;
                targets.push(Target::new(format!("{api}/v1/in/{}", endpoint.token), secret));
                made.push(endpoint.id);
            }
            self.sandbox.hook_to(provider, targets)?;
        }
        private::write(&list, &serde_json::to_string(&made).unwrap_or_default())
    }

    /// Ends every connection and lets go of the log.
    pub async fn stop(self) {
        self.sandbox.stop().await;
    }

    /// The address of the stand-in for a connector. For one that nobody stands in for it is an address that knows nothing:
    /// made-up secrets are not shown to strangers.
    fn base(&self, name: &str, connector: &Connector) -> Option<String> {
        let wire = connector.wire.as_ref()?;
        let stand_in = stand_in(name, connector).unwrap_or(name);
        let path = wire.base.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map(|(_, path)| path.trim_end_matches('/'));
        let base = self.sandbox.base(stand_in);
        Some(path.filter(|path| !path.is_empty()).map_or_else(|| base.clone(), |path| format!("{base}/{path}")))
    }
}

/// By the provider's host, else by the connector's own name.
fn stand_in(name: &str, connector: &Connector) -> Option<&'static str> {
    let host = connector.wire.as_ref()?.base.split_once("://")?.1.split(['/', ':']).next()?;
    let by_host = HOSTS.iter().find(|(known, _)| host == *known || host.ends_with(&format!(".{known}"))).map(|(_, stand_in)| *stand_in);
    by_host.or_else(|| stand_ins().map(|(own, _)| own).find(|own| *own == name.replace('_', "")))
}

/// Who sends the messages of an inbox: the stand-in of its name, else that of the connector it asks.
fn teller(app: &App, name: &str, source: &Inbox) -> Option<&'static str> {
    let own = stand_ins().map(|(own, _)| own).find(|own| *own == name.replace('_', ""));
    let asked = || source.fetch.as_ref().or_else(|| source.reconcile.as_ref().map(|reconcile| &reconcile.list));
    own.or_else(|| asked().and_then(|asked| stand_in(&asked.connector, app.connectors.get(&asked.connector)?)))
}

/// The names that holes lead to below `scope`; secrets also by who shows who we are, and by inboxes.
fn named(app: &App, scope: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for connector in app.connectors.values() {
        holes(&serde_json::to_value(connector).unwrap_or_default(), scope, &mut names);
    }
    if scope == "secret" {
        for connector in app.connectors.values().filter_map(|connector| connector.wire.as_ref()) {
            match &connector.auth {
                Auth::Basic { user, password } => names.extend([user.clone(), password.clone()]),
                Auth::Bearer(secret) | Auth::Header { secret, .. } | Auth::Query { secret, .. } => _ = names.insert(secret.clone()),
                // What is made up here is no certificate.
                Auth::None | Auth::Certificate(_) => {}
            }
        }
        names.extend(app.inboxes.values().flat_map(|inbox| inbox.secrets.clone()));
        names.remove("");
    }
    names
}

fn holes(value: &Value, scope: &str, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            if let Some([first, name]) = fields.get("path").and_then(Value::as_array).map(Vec::as_slice)
                && first == scope
                && let Some(name) = name.as_str()
            {
                names.insert(name.to_owned());
            }
            fields.values().for_each(|inner| holes(inner, scope, names));
        }
        Value::Array(items) => items.iter().for_each(|inner| holes(inner, scope, names)),
        _ => {}
    }
}

/// A secret of a form that any scheme takes; an account of the form that Twilio's have.
fn made_up(name: &str) -> String {
    let random = || uuid::Uuid::new_v4().simple().to_string();
    if name.ends_with("account") {
        return format!("AC{}", random());
    }
    if name.ends_with("certificate") {
        // Of one there is only the SHA-256 here: that of a sender.
        return format!("{}{}", random(), random());
    }
    // Hexadecimal digits are base64 too, of 24 bytes.
    format!("whsec_{}", random())
}

fn usual(setting: &str) -> String {
    match setting {
        url if url.ends_with("url") => format!("https://example.org/{url}"),
        from if from.ends_with("from") => "+3545550100".to_owned(),
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use statehouse_http::settings::Connector as Outer;

    use super::*;

    fn app(name: &str) -> App {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../apps").join(name);
        statehouse_definition::load(&folder).app.expect("an app")
    }

    /// The stand-in of the bank shows a certificate that the server is told to know, and no secret of ours is one.
    #[tokio::test]
    async fn a_bank_is_known_by_its_certificate() {
        let data = tempfile::tempdir().expect("a folder");
        let app = app("checkout");
        let outside = Outside::start(&app, data.path()).await.expect("stand-ins");
        let mut settings = Settings::default();
        outside.settle(&mut settings, &app).expect("settled");
        assert_eq!(
            (settings.inbound.certificate_header.as_str(), settings.trusted_proxies.as_slice()),
            ("x-client-certificate", &["127.0.0.1".to_owned()][..])
        );
        let shown = &outside.secrets["pix_bank_certificate"];
        assert!(shown.len() == 64 && shown.bytes().all(|byte| byte.is_ascii_hexdigit()), "{shown}");
        assert!(!outside.secrets.contains_key("pix_certificate"), "over plain HTTP nobody asks for ours");
        outside.stop().await;
    }

    #[tokio::test]
    async fn an_app_sends_to_its_stand_ins() {
        let data = tempfile::tempdir().expect("a folder");
        let app = app("orders");
        let outside = Outside::start(&app, data.path()).await.expect("stand-ins");
        let mut settings = Settings::default();
        settings.connectors.insert("customs".into(), Outer { base: "http://127.0.0.1:1/mine".into(), ..Outer::default() });
        outside.settle(&mut settings, &app).expect("settled");
        assert_eq!(settings.connectors["sms"].base, format!("{}/twilio", outside.url()));
        assert_eq!(settings.connectors["sms"].settings["sms_from"], "+3545550100");
        assert_eq!(settings.connectors["customs"].base, "http://127.0.0.1:1/mine", "what somebody has said stays");
        let secrets: BTreeMap<String, String> =
            serde_json::from_str(&fs::read_to_string(&settings.secrets.file).expect("a file")).expect("JSON");
        let names: Vec<&str> = secrets.keys().map(String::as_str).collect();
        assert_eq!(names, ["customs_hook", "customs_key", "twilio_account", "twilio_token"]);
        let mode = fs::metadata(&settings.secrets.file).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        outside.stop().await;
        let again = Outside::start(&app, data.path()).await.expect("stand-ins");
        assert_eq!(again.secrets, secrets, "what was made up once stays");
        assert_eq!(teller(&app, "customs", &app.inboxes["customs"]), Some("customs"));
    }
}
