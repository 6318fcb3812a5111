//! A stand-in issuer with known keys: it gives out codes, redeems each once for whoever proves the challenge, and makes a token
//! as the test says, right or wrong in one thing.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Our name and secret there.
pub const CLIENT: &str = "statehouse";
pub const SECRET: &str = "a secret between the two";

const ED_PUBLIC: &str = include_str!("../../../http/tests/data/ed_public.pem");
const ED_PRIVATE: &[u8] = include_bytes!("../../../http/tests/data/ed_private.pem");
const RSA_PUBLIC: &str = include_str!("../../../http/tests/data/rsa_public.pem");
const RSA_PRIVATE: &[u8] = include_bytes!("../../../http/tests/data/rsa_private.pem");
/// Requests at most.
const REQUESTS: usize = 1000;

/// What is wrong with the next token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    Nothing,
    /// Right, and signed by RSA.
    NothingByRsa,
    Nonce,
    NoNonce,
    Audience,
    SecondAudience,
    Issuer,
    Expired,
    AlgNone,
    /// Signed by the secret both know.
    SharedSecret,
    /// Signed by the public key as if it were a secret.
    PublicKey,
    /// Changed after it was signed.
    Changed,
    UnknownKey,
    Unverified,
    VerifiedNotSaid,
    NoEmail,
    NoToken,
}

#[derive(Default)]
struct Issued {
    /// By code: the challenge and the nonce.
    codes: HashMap<String, (String, String)>,
    redeemed: usize,
    wrong: Option<Wrong>,
}

/// The issuer.
#[derive(Clone)]
pub struct Issuer {
    /// As its tokens name it.
    pub url: String,
    issued: Arc<Mutex<Issued>>,
}

impl Issuer {
    /// Begins to answer.
    pub fn start() -> Issuer {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let issuer = Issuer { url: format!("http://{}", listener.local_addr().expect("an address")), issued: Arc::default() };
        let answering = issuer.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().take(REQUESTS).flatten() {
                answering.answer(stream);
            }
        });
        issuer
    }

    /// The next tokens are wrong in this.
    pub fn errs(&self, wrong: Wrong) {
        self.issued.lock().expect("whole").wrong = Some(wrong);
    }

    /// How many codes were redeemed.
    pub fn redeemed(&self) -> usize {
        self.issued.lock().expect("whole").redeemed
    }

    /// What a person does there: says yes. Gives the query they come back with.
    pub fn consent(&self, url: &str) -> Vec<(String, String)> {
        let (place, query) = url.split_once('?').expect("a query");
        assert_eq!(place, format!("{}/authorize", self.url));
        let asked: HashMap<_, _> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        assert_eq!((asked["response_type"].as_str(), asked["client_id"].as_str()), ("code", CLIENT));
        assert_eq!(asked["code_challenge_method"], "S256");
        assert!(asked["scope"].split(' ').any(|scope| scope == "openid") && asked["scope"].split(' ').any(|scope| scope == "email"));
        let mut issued = self.issued.lock().expect("whole");
        let code = format!("code-{}", issued.codes.len());
        issued.codes.insert(code.clone(), (asked["code_challenge"].clone(), asked["nonce"].clone()));
        vec![("code".into(), code), ("state".into(), asked["state"].clone()), ("iss".into(), self.url.clone())]
    }

    fn answer(&self, stream: TcpStream) {
        let mut reader = BufReader::new(stream);
        let (mut first, mut basic, mut length) = (String::new(), String::new(), 0);
        reader.read_line(&mut first).expect("a line");
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).expect("a line");
            let Some((name, value)) = line.trim().split_once(':') else { break };
            match name.to_lowercase().as_str() {
                "content-length" => length = value.trim().parse().expect("a number"),
                "authorization" => value.trim().clone_into(&mut basic),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).expect("a body");
        let url = &self.url;
        let (status, said) = match first.split(' ').nth(1).unwrap_or_default() {
            "/.well-known/openid-configuration" => (
                200,
                json!({
                    "issuer": url, "authorization_endpoint": format!("{url}/authorize"), "token_endpoint": format!("{url}/token"),
                    "jwks_uri": format!("{url}/keys"), "response_types_supported": ["code"], "subject_types_supported": ["public"],
                    // It is careless, so that what is refused is refused by who asks.
                    "id_token_signing_alg_values_supported": ["EdDSA", "RS256", "HS256", "none"],
                }),
            ),
            "/keys" => (200, keys()),
            "/token" => self.redeem(&basic, &body),
            other => panic!("nothing is at {other}"),
        };
        let said = said.to_string();
        let head =
            format!("HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", said.len());
        reader.get_mut().write_all((head + &said).as_bytes()).expect("answered");
    }

    fn redeem(&self, basic: &str, body: &[u8]) -> (u16, Value) {
        let given: HashMap<_, _> = form_urlencoded::parse(body).into_owned().collect();
        // RFC 6749 §2.3.1 has both parts urlencoded first.
        let part = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let expected = format!("Basic {}", STANDARD.encode(format!("{}:{}", part(CLIENT), part(SECRET))));
        assert_eq!(basic, expected);
        let mut issued = self.issued.lock().expect("whole");
        let Some((challenge, nonce)) = issued.codes.remove(&given["code"]) else { return (400, json!({ "error": "invalid_grant" })) };
        if URL_SAFE_NO_PAD.encode(Sha256::digest(&given["code_verifier"])) != challenge {
            return (400, json!({ "error": "invalid_grant" }));
        }
        issued.redeemed += 1;
        let wrong = issued.wrong.unwrap_or(Wrong::Nothing);
        let mut said = json!({ "access_token": "a", "token_type": "Bearer", "id_token": token(&self.url, &nonce, wrong) });
        if wrong == Wrong::NoToken {
            said.as_object_mut().expect("an object").remove("id_token");
        }
        (200, said)
    }
}

fn token(issuer: &str, nonce: &str, wrong: Wrong) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let mut claims = json!({
        "iss": issuer, "aud": CLIENT, "sub": "1", "iat": now, "exp": now + 300, "nonce": nonce,
        "email": "ann@example.org", "email_verified": true,
    });
    match wrong {
        Wrong::Nonce => claims["nonce"] = "another".into(),
        Wrong::NoNonce => _ = claims.as_object_mut().expect("an object").remove("nonce"),
        Wrong::Audience => claims["aud"] = "another".into(),
        Wrong::SecondAudience => claims["aud"] = json!([CLIENT, "another"]),
        Wrong::Issuer => claims["iss"] = "https://another.example".into(),
        Wrong::Expired => (claims["iat"], claims["exp"]) = ((now - 600).into(), (now - 300).into()),
        Wrong::Unverified => claims["email_verified"] = false.into(),
        Wrong::VerifiedNotSaid => _ = claims.as_object_mut().expect("an object").remove("email_verified"),
        Wrong::NoEmail => _ = claims.as_object_mut().expect("an object").remove("email"),
        _ => {}
    }
    let signed = |algorithm, kid: &str, key: EncodingKey| {
        let header = Header { kid: Some(kid.into()), ..Header::new(algorithm) };
        encode(&header, &claims, &key).expect("signed")
    };
    let ed = || EncodingKey::from_ed_pem(ED_PRIVATE).expect("a key");
    let encoded = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    match wrong {
        Wrong::NothingByRsa => signed(Algorithm::RS256, "rs", EncodingKey::from_rsa_pem(RSA_PRIVATE).expect("a key")),
        Wrong::AlgNone => format!("{}.{}.", encoded(&json!({ "alg": "none" })), encoded(&claims)),
        Wrong::SharedSecret => signed(Algorithm::HS256, "ed", EncodingKey::from_secret(SECRET.as_bytes())),
        Wrong::PublicKey => signed(Algorithm::HS256, "ed", EncodingKey::from_secret(&der(ED_PUBLIC)[12..])),
        Wrong::UnknownKey => signed(Algorithm::EdDSA, "other", ed()),
        Wrong::Changed => {
            let text = signed(Algorithm::EdDSA, "ed", ed());
            let parts: Vec<_> = text.split('.').collect();
            claims["email"] = "mallory@example.org".into();
            format!("{}.{}.{}", parts[0], encoded(&claims), parts[2])
        }
        _ => signed(Algorithm::EdDSA, "ed", ed()),
    }
}

fn der(pem: &str) -> Vec<u8> {
    STANDARD.decode(pem.lines().filter(|line| !line.starts_with('-')).collect::<String>()).expect("base64")
}

fn keys() -> Value {
    // The key is the end of the structure for Ed25519; for RSA the modulus is the one number of 257 bytes.
    let (ed, rsa) = (der(ED_PUBLIC), der(RSA_PUBLIC));
    let at = rsa.windows(5).position(|bytes| bytes == [0x02, 0x82, 0x01, 0x01, 0x00]).expect("a modulus") + 5;
    let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    json!({ "keys": [
        { "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": "ed", "x": text(&ed[12..]) },
        { "kty": "RSA", "use": "sig", "alg": "RS256", "kid": "rs", "n": text(&rsa[at..at + 256]), "e": "AQAB" },
    ] })
}
