//! Writes a request, strictly: nothing is sent with an empty place in it, and nothing an argument holds changes what is
//! asked.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value};
use statehouse_definition::model::{Action, Auth, Body, Connector, JsonPattern, Named, Pattern, Piece, Request, Wire};
use url::{Host, Url};
use zeroize::Zeroizing;

use super::{Given, Unready, encode};
use crate::egress::{Allowed, Answer, Caps, Client, Fence, Unsent, Why};
use crate::pattern::{self, Missing, Scope};

/// A request that is ready to be sent.
#[derive(Clone)]
pub struct Prepared {
    /// It, with its address whole.
    pub request: http::Request<Bytes>,
    /// Where it may go.
    pub allowed: Allowed,
    /// How long the whole call may take.
    pub timeout: Duration,
    certificate: Option<Zeroizing<String>>,
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Prepared({} {})", self.request.method(), self.request.uri().host().unwrap_or_default())
    }
}

impl Prepared {
    /// Sends it, once.
    ///
    /// # Errors
    /// Whether anything of it was written, and why there is no answer.
    pub async fn send(&self, client: &Client, fence: Fence) -> Result<Answer, Unsent> {
        let identity = self.certificate.as_ref().map(|pem| client.identity(pem.as_bytes())).transpose();
        let identity = identity.map_err(|cause| Unsent::NotSent(Why::Untrusted(cause.to_string())))?;
        client.send_as(self.request.clone(), &self.allowed, identity.as_ref(), fence, Caps::within(self.timeout)).await
    }
}

/// The request of an action.
///
/// # Errors
/// Why it cannot be written.
pub fn prepare(connector: &Connector, action: &Action, given: &Given<'_>) -> Result<Prepared, Unready> {
    let request = action.send.as_ref().ok_or(Unready::Undefined("send"))?;
    Writer::new(connector, action, given)?.write(request, true)
}

/// The request by which it is asked whether an action happened.
///
/// # Errors
/// Why it cannot be written.
pub fn prepare_ask(connector: &Connector, action: &Action, given: &Given<'_>) -> Result<Prepared, Unready> {
    let ask = action.ask.as_ref().ok_or(Unready::Undefined("ask"))?;
    Writer::new(connector, action, given)?.write(&ask.request, false)
}

/// What says where a message ends, or what becomes of its connection, is written by the client alone.
const OURS: [&str; 11] = [
    "host",
    "connection",
    "content-length",
    "transfer-encoding",
    "te",
    "trailer",
    "upgrade",
    "expect",
    "keep-alive",
    "accept-encoding",
    "proxy-connection",
];

struct Writer<'a> {
    wire: &'a Wire,
    action: &'a Action,
    given: &'a Given<'a>,
    scope: Scope<'a>,
}

impl<'a> Writer<'a> {
    fn new(connector: &'a Connector, action: &'a Action, given: &'a Given<'a>) -> Result<Writer<'a>, Unready> {
        let wire = connector.wire.as_ref().ok_or(Unready::Undefined("base"))?;
        Ok(Writer { wire, action, given, scope: given.scope(action)? })
    }

    fn write(&self, request: &Request, keyed: bool) -> Result<Prepared, Unready> {
        let address = self.address(request)?;
        let (kind, body) = self.body(&request.body)?;
        let mut written = http::Request::new(Bytes::from(body));
        *written.method_mut() = request.method.name().parse().map_err(|_| Unready::Undefined("method"))?;
        *written.uri_mut() = address.as_str().parse().map_err(|_| Unready::Path)?;
        *written.headers_mut() = self.headers(request, kind, keyed)?;
        let certificate = match &self.wire.auth {
            // Without TLS there is nobody to show it to: a stand-in on this machine.
            Auth::Certificate(name) if address.scheme() == "https" => Some(Zeroizing::new(self.secret(name)?.to_owned())),
            _ => None,
        };
        let timeout = Duration::from_secs(self.wire.timeout.seconds());
        Ok(Prepared { request: written, allowed: self.allowed(&address), timeout, certificate })
    }

    fn secret(&self, name: &str) -> Result<&'a str, Missing> {
        self.given.secrets.get(self.given.tenant, name, self.given.now).ok_or_else(|| Missing::Secret(name.to_owned()))
    }

    /// The whole address. It is read back and must say what was meant, so that no dots in a path climb out of it.
    fn address(&self, request: &Request) -> Result<Url, Unready> {
        let base = self.given.base.unwrap_or(&self.wire.base).trim_end_matches('/');
        let path = self.path(&request.path)?;
        let mut query: Vec<String> = Vec::new();
        for (name, pattern) in &request.query {
            if let Some(value) = self.optional(pattern)? {
                query.push(format!("{}={}", encode::value(name), encode::value(&pattern_text(pattern, value)?)));
            }
        }
        if let Auth::Query { name, secret } = &self.wire.auth {
            query.push(format!("{}={}", encode::value(name), encode::value(self.secret(secret)?)));
        }
        let root = Url::parse(base).map_err(|_| Unready::Path)?;
        let mark = if query.is_empty() { "" } else { "?" };
        let whole = Url::parse(&format!("{base}{path}{mark}{}", query.join("&"))).map_err(|_| Unready::Path)?;
        let meant = format!("{}{path}", root.path().trim_end_matches('/'));
        // Dots that climb, a `?` or a `#` in a path all make it another one.
        let same = whole.origin() == root.origin() && whole.path() == meant;
        if same { Ok(whole) } else { Err(Unready::Path) }
    }

    /// A path in which each hole is one segment, or a part of one, whatever stands in it.
    fn path(&self, pattern: &Pattern) -> Result<String, Unready> {
        let mut path = String::new();
        for piece in &pattern.parts {
            match piece {
                Piece::Text(text) => path.push_str(text),
                Piece::Hole { path: hole, .. } => {
                    let text = pattern::text(&Pattern { parts: vec![piece.clone()] }, &self.scope)?;
                    if text.is_empty() {
                        return Err(Missing::Absent(hole.join(".")).into());
                    }
                    path.push_str(&encode::segment(&text));
                }
            }
        }
        if path.starts_with('/') { Ok(path) } else { Err(Unready::Path) }
    }

    /// The value of a pattern; nothing where it is one argument that may be absent, and is.
    fn optional(&self, pattern: &Pattern) -> Result<Option<Value>, Missing> {
        match pattern::render(pattern, &self.scope) {
            Err(Missing::Absent(_)) if self.may_be_absent(pattern) => Ok(None),
            rendered => rendered.map(Some),
        }
    }

    fn may_be_absent(&self, pattern: &Pattern) -> bool {
        let [Piece::Hole { path, .. }] = pattern.parts.as_slice() else { return false };
        path.first().is_some_and(|name| self.action.args.get(name).is_some_and(|input| !input.required))
    }

    fn headers(&self, request: &Request, kind: Option<&'static str>, keyed: bool) -> Result<HeaderMap, Unready> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(kind) = kind {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        for (name, pattern) in self.wire.headers.iter().chain(&request.headers) {
            if let Some(value) = self.optional(pattern)? {
                put(&mut headers, name, &pattern_text(pattern, value)?)?;
            }
        }
        if let Some(key) = self.wire.key.as_ref().filter(|key| keyed && !key.header.is_empty() && !self.given.key.is_empty()) {
            put(&mut headers, &key.header, self.given.key)?;
        }
        match &self.wire.auth {
            Auth::None | Auth::Query { .. } | Auth::Certificate(_) => {}
            Auth::Bearer(secret) => put_secret(&mut headers, AUTHORIZATION.as_str(), &format!("Bearer {}", self.secret(secret)?))?,
            Auth::Header { name, secret } => put_secret(&mut headers, name, self.secret(secret)?)?,
            Auth::Basic { user, password } => {
                let password = if password.is_empty() { "" } else { self.secret(password)? };
                let both = Zeroizing::new(format!("{}:{password}", self.secret(user)?));
                put_secret(&mut headers, AUTHORIZATION.as_str(), &format!("Basic {}", STANDARD.encode(both.as_bytes())))?;
            }
        }
        Ok(headers)
    }

    fn body(&self, body: &Body) -> Result<(Option<&'static str>, Vec<u8>), Unready> {
        match body {
            Body::None => Ok((None, Vec::new())),
            Body::Form(fields) => Ok((Some("application/x-www-form-urlencoded"), self.form(fields)?.into_bytes())),
            Body::Json(tree) => Ok((Some("application/json"), self.json(tree)?.unwrap_or_default().to_string().into_bytes())),
        }
    }

    fn form(&self, fields: &Named<Pattern>) -> Result<String, Missing> {
        let mut form = form_urlencoded::Serializer::new(String::new());
        for (name, pattern) in fields {
            if let Some(value) = self.optional(pattern)? {
                form.append_pair(name, &pattern_text(pattern, value)?);
            }
        }
        Ok(form.finish())
    }

    /// A tree with its holes filled; nothing where it is one argument that may be absent, and is.
    fn json(&self, tree: &JsonPattern) -> Result<Option<Value>, Missing> {
        Ok(match tree {
            JsonPattern::Fixed(value) => Some(value.clone()),
            JsonPattern::Text(pattern) => self.optional(pattern)?,
            JsonPattern::List(items) => {
                let items: Vec<Option<Value>> = items.iter().map(|item| self.json(item)).collect::<Result<_, _>>()?;
                Some(items.into_iter().flatten().collect())
            }
            JsonPattern::Map(fields) => {
                let mut object = Map::new();
                for (name, field) in fields {
                    if let Some(value) = self.json(field)? {
                        object.insert(name.clone(), value);
                    }
                }
                Some(Value::Object(object))
            }
        })
    }

    /// The connector's hosts; a base of the settings allows itself alone.
    fn allowed(&self, address: &Url) -> Allowed {
        let own = || Some(format!("{}:{}", address.host()?, address.port_or_known_default()?));
        if self.given.base.is_some() {
            return Allowed::Hosts(own().into_iter().collect());
        }
        let mut hosts = self.wire.hosts.clone();
        // Hosts are declared without a port; that of the base is meant with it. A machine's own address is nothing that a
        // definition may declare.
        let named = matches!(address.host(), Some(Host::Domain(name)) if hosts.iter().any(|host| host == name));
        if named && address.port().is_some() {
            hosts.extend(own());
        }
        Allowed::Hosts(hosts)
    }
}

fn pattern_text(pattern: &Pattern, value: Value) -> Result<String, Missing> {
    let hole = pattern.paths().next().map(|path| path.join(".")).unwrap_or_default();
    pattern::as_text(value, &hole)
}

fn put(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), Unready> {
    put_value(headers, name, value, false)
}

fn put_secret(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), Unready> {
    put_value(headers, name, value, true)
}

/// Line breaks, zeros and whatever is not plain text are refused: one header never becomes two.
fn put_value(headers: &mut HeaderMap, name: &str, value: &str, secret: bool) -> Result<(), Unready> {
    let refused = || Unready::Header(name.to_owned());
    let known: HeaderName = name.parse().map_err(|_| refused())?;
    if OURS.contains(&known.as_str()) {
        return Err(refused());
    }
    // Beyond plain letters every reader has a mind of its own.
    let mut value = HeaderValue::from_str(value).ok().filter(|_| value.is_ascii()).ok_or_else(refused)?;
    value.set_sensitive(secret);
    headers.insert(known, value);
    Ok(())
}
