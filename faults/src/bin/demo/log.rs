//! The log of the harbour watch: many short entries in two languages, the same in each run.

use crate::workspace::{GUEST, Reactions, ScriptedMessage, say};

/// The people on watch, in this order.
pub(crate) const WATCH: &[&str] = &["bo", "wang", "noor", "dmitri", "lin", GUEST, "nino"];
/// Those of them who write Chinese.
const WRITES_CHINESE: &[&str] = &["wang", "lin"];
/// Entries per watch of four hours.
const ENTRIES: usize = 24;

const SHIPS: [&str; 12] = [
    "Tern",
    "Kittiwake",
    "Aurora",
    "海燕",
    "Nordlys",
    "白鹭",
    "Calypso",
    "Santa Inés",
    "Полярис",
    "Halcyon",
    "小满",
    "Thetis",
];
const PORTS: [&str; 8] = ["Bergen", "Cork", "厦门", "Gijón", "Πειραιάς", "大连", "Kiel", "Tromsø"];
const WINDS: [(&str, &str); 8] = [
    ("north", "北"),
    ("north-east", "东北"),
    ("east", "东"),
    ("south-east", "东南"),
    ("south", "南"),
    ("south-west", "西南"),
    ("west", "西"),
    ("north-west", "西北"),
];
const SEEN: [(&str, &str); 8] = [
    ("All quiet. ☕", "一切平静 ☕"),
    ("A seal at the slipway, asleep. 🦭", "滑道上有一只海豹在睡觉 🦭"),
    ("The heron again, on the east pier.", "苍鹭又来了，在东码头。"),
    ("Rain from the west, ends before the change of watch. 🌧️", "西边来雨，交班前会停 🌧️"),
    ("Lamp 4 flickers. Noted for the morning.", "四号灯闪烁，已记录，明早处理。"),
    ("Fenders of the pilot boat moved one ring up.", "引航船的碰垫上移了一格。"),
    ("Northern lights, faint, for ten minutes. 🌌", "看到微弱的极光，大约十分钟 🌌"),
    ("Radio check on channel 12: loud and clear. 📻", "12 频道通话测试：清晰 📻"),
];

/// The first `count` entries: author and text.
pub(crate) fn entries(count: usize) -> Vec<(&'static str, String)> {
    (0..count).map(|at| (author(at), text(at))).collect()
}

/// The entries as lines. Sometimes the next person on watch sends thanks for one.
pub(crate) fn lines<'a>(entries: &'a [(&'static str, String)]) -> Vec<ScriptedMessage<'a>> {
    let entries = entries.iter().enumerate();
    let lines = entries.map(|(at, (who, text))| ScriptedMessage {
        // In bursts, like real events.
        pause: Some(if at.is_multiple_of(3) { 22 } else { 2 }),
        reactions: if at % 211 == 23 { thanks(at) } else { &[] },
        ..say(who, text)
    });
    lines.collect()
}

fn thanks(at: usize) -> Reactions {
    match at % 3 {
        0 => &[("👍", &["noor", "nino"])],
        1 => &[("🙏", &["bo"]), ("🌊", &["dmitri", "lin", "wang"])],
        _ => &[("👀", &["wang"])],
    }
}

fn author(at: usize) -> &'static str {
    WATCH[at / ENTRIES % WATCH.len()]
}

fn text(at: usize) -> String {
    let in_chinese = WRITES_CHINESE.contains(&author(at));
    let choice = mixed(at);
    let pick = |from: usize, count: usize| (choice >> from) as usize % count;
    let (ship, port, (wind, wind_zh), (seen, seen_zh)) =
        (SHIPS[pick(8, 12)], PORTS[pick(12, 8)], WINDS[pick(16, 8)], SEEN[pick(20, 8)]);
    let (berth, force, km, buoy) = (1 + pick(24, 9), 1 + pick(28, 7), 2 + pick(32, 18), 1 + pick(36, 14));
    // Together with the entry's number, so that no two texts are the same.
    let number = at + 1;
    let entry = if at > 0 && at.is_multiple_of(ENTRIES) {
        let before = author(at - 1);
        match in_chinese {
            true => format!("接班，上一班是 @{before}。缆绳和灯已检查。"),
            false => format!("Taking over from @{before}. Lines and lamps checked."),
        }
    } else if at % 160 == 150 {
        let volts = 360 + pick(24, 60);
        format!(
            "battery\n```\nbuoy {buoy:>2}   {}.{:02} V   {force:>2} °C   ok\n```",
            volts / 100,
            volts % 100
        )
    } else {
        match (pick(0, 5), in_chinese) {
            (0, false) => format!("{ship} in, berth {berth}."),
            (0, true) => format!("{ship} 靠泊，{berth} 号泊位。"),
            (1, false) => format!("{ship} out, bound for {port}."),
            (1, true) => format!("{ship} 离港，前往 {port}。"),
            (2, false) => format!("Wind {wind}, {force}. Visibility {km} km."),
            (2, true) => format!("{wind_zh}风 {force} 级，能见度 {km} 公里。"),
            (3, false) => format!("Buoy {buoy}: light and battery good."),
            (3, true) => format!("{buoy} 号浮标：灯和电池正常。"),
            (_, false) => seen.to_owned(),
            (_, true) => seen_zh.to_owned(),
        }
    };
    format!("{number:05}  {entry}")
}

/// Spreads consecutive numbers over all values (SplitMix64).
fn mixed(at: usize) -> u64 {
    let mut value = (at as u64).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use protocol::Body;

    use super::*;

    #[test]
    fn no_two_entries_are_the_same_and_the_server_accepts_all() {
        let entries = entries(20_000);
        let texts: BTreeSet<&str> = entries.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(texts.len(), entries.len());
        assert!(texts.iter().all(|text| Body::parse(text).unwrap().as_str() == *text));
    }
}
