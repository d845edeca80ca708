//! Broadcasts from Redis, which other versions of Roost, and anyone who can reach it, may send.
#![no_main]

use libfuzzer_sys::fuzz_target;
use protocol::Line;
use server::broker::Broadcast;

fuzz_target!(|bytes: &[u8]| {
    if let Some(broadcast) = Broadcast::decode(Line::Workspace, bytes) {
        // Compared after decoding, not as bytes: kinds without a number or id skip those fields.
        assert_eq!(Broadcast::decode(Line::Workspace, &broadcast.encode()), Some(broadcast));
    }
});
