//! A setting that this build cannot carry out stops it, instead of being passed over.

use crate::server::start;

#[test]
fn a_build_without_a_feature_refuses_its_settings() {
    for (name, value, feature) in [
        ("STATEHOUSE_TELEMETRY__OTLP_ENDPOINT", "http://127.0.0.1:4318", "otel"),
        ("STATEHOUSE_OIDC__ISSUER", "https://id.example.org", "oidc"),
    ] {
        let (child, _db, _dir) = start(&[(name, value)]);
        let ended = child.wait_with_output().expect("it ends");
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(ended.status.code() == Some(64) && said.contains("SH0009") && said.contains(&format!("--features {feature}")), "{said}");
    }
}
