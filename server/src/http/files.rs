//! The built front end and the public files, precompressed.

use std::path::Path;

use axum::{
    Router,
    extract::Request,
    http::{HeaderValue, StatusCode, header::CACHE_CONTROL},
    middleware::{Next, from_fn},
    response::Response,
};
use leptos::config::LeptosOptions;
use tower_http::services::ServeDir;

use crate::site::Site;

/// For names with a hash: their content never changes.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// The browser revalidates each time.
const ASK: HeaderValue = HeaderValue::from_static("no-cache");
/// Icons and the like.
const HOUR: HeaderValue = HeaderValue::from_static("public, max-age=3600");
const NEVER: HeaderValue = HeaderValue::from_static("no-store");

pub(super) fn routes(options: &LeptosOptions) -> Router<Site> {
    let root = Path::new(&*options.site_root);
    let packages = directory(&root.join(&*options.site_pkg_dir));
    // An empty router answers 404 without a page, because HTML is useless where a script was
    // requested.
    Router::new().nest_service(
        &format!("/{}", options.site_pkg_dir.trim_matches('/')),
        Router::new().fallback_service(packages).layer(from_fn(cache_packages)),
    )
}

/// Serves a file of the site's root, such as the icon.
pub(super) async fn public(options: &LeptosOptions, request: Request) -> Option<Response> {
    let mut files = directory(Path::new(&*options.site_root));
    let response = files.try_call(request).await.ok()?;
    if response.status() == StatusCode::NOT_FOUND || response.status() == StatusCode::METHOD_NOT_ALLOWED {
        return None;
    }
    let mut response = response.map(axum::body::Body::new);
    response.headers_mut().insert(CACHE_CONTROL, HOUR);
    Some(response)
}

fn directory(path: &Path) -> ServeDir {
    ServeDir::new(path).append_index_html_on_directories(false).precompressed_br().precompressed_gzip()
}

async fn cache_packages(request: Request, next: Next) -> Response {
    let hashed = has_hash(request.uri().path());
    let mut response = next.run(request).await;
    // Errors must not be cached: during a deployment, the file may appear a moment later.
    let found = response.status().is_success() || response.status() == StatusCode::NOT_MODIFIED;
    let cache = match (found, hashed) {
        (true, true) => FOR_EVER,
        (true, false) => ASK,
        (false, _) => NEVER,
    };
    response.headers_mut().insert(CACHE_CONTROL, cache);
    response
}

/// Whether a name has the form `roost.HASH.js`.
fn has_hash(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let parts: Vec<&str> = name.split('.').collect();
    match parts.as_slice() {
        [_, hash, _] => {
            hash.len() >= 16 && hash.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::has_hash;

    #[test]
    fn a_hash_stands_between_name_and_ending() {
        assert!(has_hash("/roost.3bVY2cQ6yTzT4x7pNnLk1g.js"));
        assert!(has_hash("roost.0123456789abcdef.wasm"));
        for path in ["/roost.js", "/roost.css", "/roost.min.js", "/", "/a.b", "/.hidden"] {
            assert!(!has_hash(path), "{path}");
        }
    }
}
