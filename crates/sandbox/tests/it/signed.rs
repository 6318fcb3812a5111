//! What messages carry, computed here once more from the rules in the providers' documents.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use statehouse_sandbox::{Target, Wish};

use crate::client::{ask, at_noon, send};
use crate::receiver::Receiver;

fn sha256(key: &[u8], message: &[u8]) -> Vec<u8> {
    Hmac::<sha2::Sha256>::new_from_slice(key).unwrap().chain_update(message).finalize().into_bytes().to_vec()
}

#[tokio::test]
async fn standard_webhooks() {
    let (sandbox, receiver) = (at_noon().await, Receiver::start().await);
    let key = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    sandbox.hook_to("customs", vec![Target::new(receiver.url(), format!("whsec_{key}"))]).unwrap();
    let wish = Wish { age_s: 301, ..Wish::new("customs", "declaration.held", json!({"order": "A"})) };
    sandbox.hook(wish).await.unwrap();
    let came = &receiver.came(1).await[0];
    assert_eq!(came.header("webhook-timestamp"), (1_795_176_000 - 301).to_string());
    let message = [format!("{}.{}.", came.header("webhook-id"), came.header("webhook-timestamp")).as_bytes(), &came.body].concat();
    let expected = format!("v1,{}", STANDARD.encode(sha256(&STANDARD.decode(key).unwrap(), &message)));
    assert_eq!(came.header("webhook-signature"), expected);
}

#[tokio::test]
async fn stripe() {
    let (sandbox, receiver) = (at_noon().await, Receiver::start().await);
    sandbox.hook_to("stripe", vec![Target::new(receiver.url(), "whsec_c2VjcmV0")]).unwrap();
    let body = json!({"amount": 2000, "currency": "eur", "confirm": true, "payment_method": "pm_card_visa"});
    assert_eq!(send("POST", &format!("{}/v1/payment_intents", sandbox.base("stripe")), body).await.status, 200);
    let came = &receiver.came(1).await[0];
    // The whole text of the secret is the key, not what it decodes to.
    let expected = hex::encode(sha256(b"whsec_c2VjcmV0", &[b"1795176000.", &came.body[..]].concat()));
    assert_eq!(came.header("stripe-signature"), format!("t=1795176000,v1={expected}"));
    let event = came.json();
    assert_eq!((event["type"].as_str(), event["data"]["object"]["amount"].as_i64()), (Some("payment_intent.succeeded"), Some(2000)));
    let listed = crate::client::get(&format!("{}/v1/events/{}", sandbox.base("stripe"), event["id"].as_str().unwrap())).await;
    assert_eq!(listed.json(), event);
}

#[tokio::test]
async fn meta_signs_what_it_sends() {
    let (sandbox, receiver) = (at_noon().await, Receiver::start().await);
    sandbox.hook_to("meta", vec![Target::new(receiver.url(), "app secret")]).unwrap();
    let with = json!({"from": "3545551234", "body": "Sæl / é", "name": "Jón"});
    sandbox.hook(Wish::new("meta", "message", with)).await.unwrap();
    let came = &receiver.came(1).await[0];
    assert_eq!(came.header("x-hub-signature-256"), format!("sha256={}", hex::encode(sha256(b"app secret", &came.body))));
    assert!(came.body.is_ascii() && String::from_utf8_lossy(&came.body).contains("S\\u00e6l \\/ \\u00e9"));
    let message = &came.json()["entry"][0]["changes"][0]["value"]["messages"][0];
    assert_eq!(message["text"]["body"], "Sæl / é");
}

#[tokio::test]
async fn twilio_signs_address_and_fields() {
    let (sandbox, receiver) = (at_noon().await, Receiver::start().await);
    let url = format!("{}?tenant=1", receiver.url());
    sandbox.hook_to("twilio", vec![Target::new(&url, "12345")]).unwrap();
    let form = "To=%2B3545551234&From=%2B15005550006&Body=x";
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("authorization", "Basic QUMxOnQ=")];
    ask("POST", &format!("{}/2010-04-01/Accounts/AC1/Messages.json", sandbox.base("twilio")), &headers, form).await.unwrap();
    for came in receiver.came(2).await {
        let mut fields: Vec<(String, String)> = form_urlencoded::parse(&came.body).into_owned().collect();
        fields.sort();
        let message = fields.iter().fold(url.clone(), |text, (key, value)| text + key + value);
        let expected = Hmac::<sha1::Sha1>::new_from_slice(b"12345").unwrap().chain_update(message).finalize().into_bytes();
        assert_eq!(came.header("x-twilio-signature"), STANDARD.encode(expected));
        let names: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["AccountSid", "ApiVersion", "From", "MessageSid", "MessageStatus", "SmsSid", "SmsStatus", "To"]);
    }
}

#[tokio::test]
async fn mercado_pago_signs_three_words() {
    let (sandbox, receiver) = (at_noon().await, Receiver::start().await);
    sandbox.hook_to("mercadopago", vec![Target::new(receiver.url(), "secret")]).unwrap();
    let body = json!({"transaction_amount": 10, "payment_method_id": "pix", "payer": {"email": "a@b.example"}});
    let headers = [("content-type", "application/json"), ("authorization", "Bearer t"), ("x-idempotency-key", "k")];
    let made = ask("POST", &format!("{}/v1/payments", sandbox.base("mercadopago")), &headers, body.to_string()).await.unwrap().json();
    let id = made["id"].to_string();
    // A message that names another payment in its body is signed for the one in its address.
    let wish = Wish { overlay: json!({"data": {"id": "1"}}), ..Wish::new("mercadopago", "approved", json!({"id": id})) };
    sandbox.hook(wish).await.unwrap();
    let came = receiver.came(2).await;
    for one in &came {
        assert_eq!(one.uri, format!("/in/secret?data.id={id}&type=payment"));
        let message = format!("id:{id};request-id:{};ts:1795176000000;", one.header("x-request-id"));
        assert_eq!(one.header("x-signature"), format!("ts=1795176000000,v1={}", hex::encode(sha256(b"secret", message.as_bytes()))));
    }
    assert_eq!(came[0].json()["action"], "payment.created");
    assert_eq!((came[1].json()["data"]["id"].as_str(), came[1].json()["type"].as_str()), (Some("1"), Some("payment")));
}

#[tokio::test]
async fn dropbox_sign_hashes_time_and_type() {
    let (sandbox, receiver) = (at_noon().await, Receiver::start().await);
    sandbox.hook_to("dropboxsign", vec![Target::new(receiver.url(), "api key").retrying_ms(&[])]).unwrap();
    let body = json!({ "title": "t", "file_urls": ["f"], "signers": [{"email_address": "a@b.example", "name": "A"}] });
    send("POST", &format!("{}/v3/signature_request/send", sandbox.base("dropboxsign")), body).await;
    let came = &receiver.came(1).await[0];
    let boundary = came.header("content-type").strip_prefix("multipart/form-data; boundary=").unwrap();
    let text = String::from_utf8(came.body.to_vec()).unwrap();
    let part = text.strip_prefix(&format!("--{boundary}\r\nContent-Disposition: form-data; name=\"json\"\r\n\r\n")).unwrap();
    let event: serde_json::Value = serde_json::from_str(part.strip_suffix(&format!("\r\n--{boundary}--\r\n")).unwrap()).unwrap();
    assert_eq!(event["event"]["event_time"], "1795176000");
    assert_eq!(event["event"]["event_hash"], hex::encode(sha256(b"api key", b"1795176000signature_request_sent")));
    assert_eq!(event["signature_request"]["title"], "t");
}

#[tokio::test]
async fn tokens_and_passwords_stand_in_their_headers() {
    let (sandbox, receiver) = (at_noon().await, Receiver::start().await);
    sandbox.hook_to("telegram", vec![Target::new(receiver.url(), "token")]).unwrap();
    sandbox.hook_to("mail", vec![Target::new(receiver.url(), "user:pass")]).unwrap();
    let with = json!({"chat_id": 279058397, "text": "/start", "name": "Jón"});
    sandbox.hook(Wish { id: Some("42".to_owned()), ..Wish::new("telegram", "message", with) }).await.unwrap();
    let came = receiver.came(1).await.remove(0);
    assert_eq!(came.header("x-telegram-bot-api-secret-token"), "token");
    assert_eq!((came.json()["update_id"].as_u64(), came.json()["message"]["text"].as_str()), (Some(42), Some("/start")));
    let mail = json!({"From": "a@b.example", "To": "c@d.example", "Subject": "s", "TextBody": "t"});
    let headers = [("content-type", "application/json"), ("x-postmark-server-token", "t")];
    ask("POST", &format!("{}/email", sandbox.base("mail")), &headers, mail.to_string()).await.unwrap();
    let came = receiver.came(2).await.remove(1);
    assert_eq!(came.header("authorization"), "Basic dXNlcjpwYXNz");
    assert_eq!((came.json()["RecordType"].as_str(), came.json()["Recipient"].as_str()), (Some("Delivery"), Some("c@d.example")));
}
