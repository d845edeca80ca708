//! Security headers, on every response.

use axum::{
    extract::{Request, State},
    http::{
        HeaderMap, HeaderName, HeaderValue,
        header::{CONTENT_SECURITY_POLICY, STRICT_TRANSPORT_SECURITY},
    },
    middleware::Next,
    response::Response,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::site::Site;

/// The nonce that a page's own scripts carry.
#[derive(Clone, Debug)]
pub(super) struct ScriptNonce(pub(super) String);

/// The headers that are the same on every response.
const FIXED: &[(&str, &str)] = &[
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
];

/// Creates the nonce, runs the request, and adds the headers.
pub(super) async fn add(State(site): State<Site>, mut request: Request, next: Next) -> Response {
    let nonce = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 16]>());
    request.extensions_mut().insert(ScriptNonce(nonce.clone()));
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in FIXED {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    // The files of messages have a stricter one.
    if !headers.contains_key(CONTENT_SECURITY_POLICY) {
        add_policy(headers, &site, &nonce);
    }
    if site.guard.is_https() {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    response
}

/// Allows only our own files, and scripts and styles that carry the nonce. `wasm-unsafe-eval`
/// allows compiling wasm, but not `eval`. The sockets are listed because older browsers do not
/// count them as `'self'`; a policy cannot contain an IPv6 address.
fn add_policy(headers: &mut HeaderMap, site: &Site, nonce: &str) {
    let sockets = site.config.origins().into_iter().map(|origin| origin.socket());
    let sockets: String =
        sockets.filter(|socket| !socket.contains('[')).map(|socket| format!(" {socket}")).collect();
    let policy = format!(
        "default-src 'none'; script-src 'self' 'nonce-{nonce}' 'wasm-unsafe-eval'; \
         style-src 'self' 'nonce-{nonce}'; connect-src 'self'{sockets}; img-src 'self' data: blob:; \
         font-src 'self'; media-src 'self' blob:; manifest-src 'self'; worker-src 'self'; \
         form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'"
    );
    let policy = HeaderValue::from_str(&policy).expect("origins and nonces are visible ASCII");
    headers.insert(CONTENT_SECURITY_POLICY, policy);
}
