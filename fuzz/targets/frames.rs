//! Frames from a socket: a server reads commands strictly, a browser reads answers leniently.
#![no_main]

use libfuzzer_sys::fuzz_target;
use protocol::{ClientFrame, ServerFrame};

fuzz_target!(|bytes: &[u8]| {
    // Text frames are always UTF-8. Mutations seldom are, so convert them instead of wasting them.
    let text = String::from_utf8_lossy(bytes);
    match ClientFrame::decode(&text) {
        Ok(frame) => assert_eq!(ClientFrame::decode(&frame.encode()).as_ref(), Ok(&frame)),
        Err((r#ref, refusal)) => {
            let refused = ServerFrame::Refusal { r#ref, refusal };
            let told = ServerFrame::decode(&refused.encode()).expect("a refusal can be told");
            assert_eq!(told, refused);
        }
    }
    if let Ok(frame) = ServerFrame::decode(&text) {
        // Unknown parts, as from a newer server, are dropped, so compare the second round trip.
        let said = frame.encode();
        let again = ServerFrame::decode(&said).expect("what was read can be said");
        assert_eq!(again.encode(), said);
    }
});
