//! A reader of the stream that trusts nothing: it takes the text apart by the standard's rules.

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

/// One message of the stream.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Message {
    /// The last id when it came.
    pub id: String,
    /// `order.confirm`, `lag`, `end`.
    pub event: String,
    /// Its data.
    pub data: Value,
}

/// An open stream.
pub struct Stream {
    body: Incoming,
    text: String,
    /// The last id, as a browser keeps it.
    pub id: String,
    /// The last `retry`, in milliseconds.
    pub retry: Option<u64>,
    event: String,
    data: String,
}

/// Opens a stream, or says with which status and body it was refused.
pub async fn open(address: SocketAddr, key: &str, query: &str, last: Option<&str>) -> Result<Stream, (u16, Value)> {
    let client: Client<HttpConnector, Body> = Client::builder(TokioExecutor::new()).build_http();
    let mut request = axum::http::Request::builder()
        .uri(format!("http://{address}/v1/events{query}"))
        .header("authorization", format!("Bearer {key}"))
        .header("accept", "text/event-stream");
    if let Some(last) = last {
        request = request.header("last-event-id", last);
    }
    let response = client.request(request.body(Body::empty()).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    if parts.status != 200 {
        let bytes = body.collect().await.unwrap().to_bytes();
        return Err((parts.status.as_u16(), serde_json::from_slice(&bytes).unwrap_or_default()));
    }
    assert_eq!(parts.headers["content-type"], "text/event-stream");
    let mut stream = Stream { body, text: String::new(), id: String::new(), retry: None, event: String::new(), data: String::new() };
    stream.opening().await;
    Ok(stream)
}

impl Stream {
    /// Up to the first id, which comes before any event.
    async fn opening(&mut self) {
        while self.id.is_empty() {
            match self.text.find('\n') {
                Some(end) => {
                    let line: String = self.text.drain(..=end).collect();
                    assert_eq!(self.line(line.trim_end_matches('\n')), None, "a place comes before the first event");
                }
                None => self.fill().await.expect("the stream opens"),
            }
        }
    }

    async fn fill(&mut self) -> Option<()> {
        if let Ok(data) = self.body.frame().await?.ok()?.into_data() {
            self.text.push_str(std::str::from_utf8(&data).expect("the stream is UTF-8 and pages are whole"));
        }
        Some(())
    }

    /// The next message; nothing when the stream has ended. Ids without a message are taken over silently.
    pub async fn next(&mut self) -> Option<Message> {
        loop {
            while let Some(end) = self.text.find('\n') {
                let line: String = self.text.drain(..=end).collect();
                if let Some(message) = self.line(line.trim_end_matches('\n')) {
                    return Some(message);
                }
            }
            self.fill().await?;
        }
    }

    /// As [`Stream::next`], within a bound. The horizon is the whole server's, so another test may hold it: what is told of
    /// that is passed over.
    pub async fn soon(&mut self) -> Option<Message> {
        loop {
            match self.told().await {
                Some(message) if message.event == "lag" => {}
                other => return other,
            }
        }
    }

    /// As [`Stream::next`], within a bound.
    pub async fn told(&mut self) -> Option<Message> {
        tokio::time::timeout(Duration::from_secs(60), self.next()).await.expect("something comes within 60 s")
    }

    /// Reads until the last id is what it should be, within a bound; what came.
    pub async fn until(&mut self, mut enough: impl FnMut(&Message) -> bool) -> Vec<Message> {
        let mut came = Vec::new();
        while let Some(message) = self.soon().await {
            let last = enough(&message);
            came.push(message);
            if last {
                break;
            }
        }
        came
    }

    /// Waits until the stream stands at or after a place, without a message; only comments and ids may come.
    pub async fn reach(&mut self, xid: u64) {
        let bound = tokio::time::timeout(Duration::from_secs(60), async {
            while place(&self.id).0 < xid {
                match self.text.find('\n') {
                    Some(end) => {
                        let line: String = self.text.drain(..=end).collect();
                        let came = self.line(line.trim_end_matches('\n')).filter(|message| message.event != "lag");
                        assert_eq!(came, None, "an event where none was expected");
                    }
                    None => self.fill().await.expect("the stream goes on"),
                }
            }
        });
        bound.await.expect("the place is reached within 60 s");
    }

    fn line(&mut self, line: &str) -> Option<Message> {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => self.id = value.to_owned(),
            "event" => self.event = value.to_owned(),
            "data" => self.data.push_str(value),
            "retry" => self.retry = value.parse().ok(),
            "" if line.is_empty() && !self.data.is_empty() => {
                let data = serde_json::from_str(&std::mem::take(&mut self.data)).expect("data is JSON");
                return Some(Message { id: self.id.clone(), event: std::mem::take(&mut self.event), data });
            }
            "" => {}
            other => panic!("`{other}` is no field of an event stream"),
        }
        None
    }
}

/// `742.5` as numbers.
pub fn place(id: &str) -> (u64, i64) {
    let (xid, n) = id.split_once('.').unwrap_or(("0", "0"));
    (xid.parse().unwrap(), n.parse().unwrap())
}
