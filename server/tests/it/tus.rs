//! A client of uploads and files, over real HTTP.

use std::{net::SocketAddr, sync::Once};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use protocol::{Attachment, Command, File, Message, Nonce, Placement, Refusal, RoomId};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use tokio::{io::AsyncWriteExt as _, net::TcpStream};
use uuid::Uuid;

use crate::cluster::{ORIGIN, Person, Running};

pub const BYTES: &str = "application/offset+octet-stream";

/// A signed-in browser at one server.
pub struct Browser {
    http: reqwest::Client,
    addr: SocketAddr,
    cookie: String,
}

impl Browser {
    pub fn of(person: &Person, node: &Running) -> Self {
        static TLS: Once = Once::new();
        // reqwest wants it, even for addresses without TLS. Another test may have been first.
        TLS.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
        Self { http: reqwest::Client::new(), addr: node.addr, cookie: person.cookie.clone() }
    }

    pub fn ask(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("http://{}{path}", self.addr))
            .header("cookie", &self.cookie)
            .header("origin", ORIGIN)
    }

    pub fn tus(&self, method: Method, path: &str) -> RequestBuilder {
        self.ask(method, path).header("tus-resumable", "1.0.0")
    }

    pub async fn create(&self, name: &str, length: u64) -> Response {
        let metadata = format!("filename {}", STANDARD.encode(name));
        let request = self.tus(Method::POST, "/uploads").header("upload-length", length);
        request.header("upload-metadata", metadata).send().await.unwrap()
    }

    /// Begins an upload; returns its path.
    pub async fn begins(&self, name: &str, length: usize) -> String {
        let created = self.create(name, length as u64).await;
        assert_eq!(created.status(), StatusCode::CREATED);
        header(&created, "location").to_owned()
    }

    pub fn patch(&self, path: &str, offset: usize, bytes: &[u8]) -> RequestBuilder {
        let request = self.tus(Method::PATCH, path).header("upload-offset", offset);
        request.header("content-type", BYTES).body(bytes.to_vec())
    }

    pub async fn head(&self, path: &str) -> Response {
        self.tus(Method::HEAD, path).send().await.unwrap()
    }

    pub async fn offset(&self, path: &str) -> usize {
        header(&self.head(path).await, "upload-offset").parse().unwrap()
    }

    /// Uploads a whole file.
    pub async fn uploads(&self, name: &str, bytes: &[u8]) -> File {
        let path = self.begins(name, bytes.len()).await;
        let done = self.patch(&path, 0, bytes).send().await.unwrap();
        assert_eq!(done.status(), StatusCode::NO_CONTENT);
        file_of(&done).expect("it is complete")
    }

    pub async fn get(&self, path: &str) -> Response {
        self.ask(Method::GET, path).send().await.unwrap()
    }

    pub async fn reads(&self, path: &str) -> Option<Vec<u8>> {
        let response = self.get(path).await;
        match response.status() {
            StatusCode::OK => Some(response.bytes().await.unwrap().to_vec()),
            status => {
                assert_eq!(status, StatusCode::NOT_FOUND);
                None
            }
        }
    }

    /// Sends the beginning of a body, and then hangs up.
    pub async fn breaks_off(&self, path: &str, length: usize, bytes: &[u8]) {
        self.sends_bare(path, (0, length), bytes).await.shutdown().await.unwrap();
    }

    /// Sends a body that belongs at an offset and has a length, to its end; returns the connection.
    pub async fn sends_bare(&self, path: &str, (offset, length): (usize, usize), bytes: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(self.addr).await.unwrap();
        let head = format!(
            "PATCH {path} HTTP/1.1\r\nhost: x\r\ncookie: {}\r\norigin: {ORIGIN}\r\ntus-resumable: 1.0.0\r\n\
             upload-offset: {offset}\r\ncontent-type: {BYTES}\r\ncontent-length: {length}\r\n\r\n",
            self.cookie
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        stream
    }
}

#[track_caller]
pub fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).unwrap_or_else(|| panic!("no {name}: {response:?}")).to_str().unwrap()
}

/// The file that an upload has become.
pub fn file_of(response: &Response) -> Option<File> {
    let value = response.headers().get("roost-file")?.to_str().unwrap();
    let json = percent_encoding::percent_decode_str(value).decode_utf8().unwrap().into_owned();
    Some(serde_json::from_str(&json).unwrap())
}

/// The refusal in a response, with its status.
pub async fn refusal(response: Response) -> (u16, Refusal) {
    #[derive(serde::Deserialize)]
    struct Body {
        refusal: Refusal,
    }
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str::<Body>(&text).unwrap_or_else(|e| panic!("{status} {text}: {e}")).refusal)
}

/// Some bytes that are different everywhere.
pub fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32;
    let step = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 24) as u8
    };
    std::iter::repeat_with(step).take(length).collect()
}

/// The command that sends files.
pub fn with_files(room: RoomId, files: &[&File]) -> Command {
    let mut send = Placement::default().send(room, Nonce(Uuid::new_v4()), "");
    if let Command::Send { files: attached, .. } = &mut send {
        *attached = files.iter().map(|file| Attachment { id: file.id, alt: String::new() }).collect();
    }
    send
}

pub async fn sends(person: &Person, room: RoomId, files: &[&File]) -> Message {
    person.sends(with_files(room, files)).await.unwrap()
}
