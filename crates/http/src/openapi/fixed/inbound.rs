//! Where outside systems send their messages.

use serde_json::json;

use super::super::document::Document;
use super::super::{Operation, parameters};

const TAG: &str = "messages in";

/// What anybody may send who knows an address and can prove who they are.
pub fn open(document: &mut Document<'_>) {
    document.tag(TAG, "Messages of outside systems, each source of a tenant at an address of its own");
    let text = || Some(("text/plain", json!({ "type": "string" })));
    let token = parameters::in_path(document, "token", "from the address", json!({ "type": "string", "minLength": 1 }));
    let told = "As the provider sends it: its body is read after it is verified, and what it is answered is what it wants to hear, \
                of some an exact text. An address that is nobody's is answered as a path where there is nothing.";
    let below = "The same, where a bank puts `/pix` behind the address it was told.";
    for (path, name, what, told) in [
        ("/v1/in/{token}", "messageSend", "Deliver a message", told),
        ("/v1/in/{token}/pix", "messageSendPix", "Deliver a message of Pix", below),
    ] {
        let send = Operation::open(name, TAG, what)
            .told(told)
            .takes(token.clone())
            .bytes("*/*")
            .answers_as(200, "it is stored", text(), &[])
            .may(&["SH6001", "SH6003", "SH6006", "SH7101", "SH7102", "SH7110"]);
        document.add("post", path, send);
    }
    let ask = Operation::open("messageQuestion", TAG, "The question some providers ask before they send")
        .takes(token)
        .answers_as(200, "the word to repeat", text(), &[])
        .may(&["SH6006", "SH7110"]);
    document.add("get", "/v1/in/{token}", ask);
}
