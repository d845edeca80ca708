//! What comes from Redis, where other versions of Roost speak as well, and whoever else can reach it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use protocol::Line;
use server::broker::Broadcast;

fuzz_target!(|bytes: &[u8]| {
    if let Some(broadcast) = Broadcast::decode(Line::Workspace, bytes) {
        // Not the same bytes: kinds that need no number or id pass over them.
        assert_eq!(Broadcast::decode(Line::Workspace, &broadcast.encode()), Some(broadcast));
    }
});
