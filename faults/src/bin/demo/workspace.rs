//! The content of the demo: its people, its rooms and their messages. Only the long log is elsewhere
//! ([`crate::log`]).
//!
//! To add something, write a line. Room, author and text identify a line, so filling the same workspace
//! again adds only the new lines, at the end of their rooms. A new kind of content is a method of
//! [`ScriptedMessage`], and a few commands in `fill.rs`.

use protocol::NewPoll;

/// A person with an account.
#[derive(Debug)]
pub(crate) struct Person {
    /// The handle, for signing in.
    pub(crate) handle: &'static str,
    /// The displayed name.
    pub(crate) name: &'static str,
    /// What they do; may be empty.
    pub(crate) title: &'static str,
    /// Their pronouns; may be empty.
    pub(crate) pronouns: &'static str,
    /// Their time zone; may be empty.
    pub(crate) zone: &'static str,
}

impl Person {
    const fn new(handle: &'static str, name: &'static str) -> Self {
        Self { handle, name, title: "", pronouns: "", zone: "" }
    }

    const fn title(self, title: &'static str) -> Self {
        Self { title, ..self }
    }

    const fn pronouns(self, pronouns: &'static str) -> Self {
        Self { pronouns, ..self }
    }

    const fn zone(self, zone: &'static str) -> Self {
        Self { zone, ..self }
    }
}

/// A group of people: its handle, its title, and who is in it.
pub(crate) const GROUP: (&str, &str, &str) = ("design", "设计组 Design", "lin, ana, yuki");

/// The kind of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The channel that newcomers join.
    First,
    Channel,
    Group,
    Direct,
}

/// A room and its messages.
#[derive(Debug)]
pub(crate) struct Room {
    pub(crate) kind: Kind,
    /// Unique, also for direct rooms, which do not show it.
    pub(crate) title: &'static str,
    pub(crate) topic: &'static str,
    /// Handles. The first person creates the room.
    pub(crate) members: &'static [&'static str],
    pub(crate) talk: Talk,
    /// How long ago the last line was written, in minutes.
    pub(crate) ended: i64,
    /// How many of the last lines these people have not read. Everybody else has read everything.
    pub(crate) unread: &'static [(&'static str, usize)],
}

/// The messages of a room.
#[derive(Debug)]
pub(crate) enum Talk {
    Lines(&'static [ScriptedMessage<'static>]),
    /// This many entries of the watch log.
    Log(usize),
}

/// Each emoji, with the handles of the people who reacted.
pub(crate) type Reactions = &'static [(&'static str, &'static [&'static str])];

/// Each option, with the handles of the people who chose it.
pub(crate) type Votes = &'static [(&'static str, &'static [&'static str])];

/// One message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ScriptedMessage<'a> {
    pub(crate) who: &'static str,
    pub(crate) text: &'a str,
    /// Minutes after the previous line; a few by default.
    pub(crate) pause: Option<i64>,
    /// The text after an edit.
    pub(crate) edited: Option<&'static str>,
    pub(crate) reactions: Reactions,
    pub(crate) pinned_by: Option<&'static str>,
    pub(crate) saved_by: Option<&'static str>,
    pub(crate) deleted: bool,
    /// How an earlier message of the room begins: this one is a reply in its thread.
    pub(crate) under: Option<&'static str>,
    /// The options of its poll, each with the handles of the people who chose it. People may choose several.
    pub(crate) poll: Votes,
}

/// A plain line.
pub(crate) const fn say<'a>(who: &'static str, text: &'a str) -> ScriptedMessage<'a> {
    ScriptedMessage {
        who,
        text,
        pause: None,
        edited: None,
        reactions: &[],
        pinned_by: None,
        saved_by: None,
        deleted: false,
        under: None,
        poll: &[],
    }
}

impl ScriptedMessage<'_> {
    /// Its poll, as it is sent.
    pub(crate) fn new_poll(&self) -> Option<NewPoll> {
        let options: Vec<String> = self.poll.iter().map(|(option, _)| (*option).to_owned()).collect();
        (!options.is_empty()).then_some(NewPoll { options, several: true, anonymous: false })
    }

    const fn after(self, minutes: i64) -> Self {
        Self { pause: Some(minutes), ..self }
    }

    const fn edited(self, text: &'static str) -> Self {
        Self { edited: Some(text), ..self }
    }

    const fn reactions(self, reactions: Reactions) -> Self {
        Self { reactions, ..self }
    }

    const fn pinned_by(self, who: &'static str) -> Self {
        Self { pinned_by: Some(who), ..self }
    }

    const fn saved_by(self, who: &'static str) -> Self {
        Self { saved_by: Some(who), ..self }
    }

    const fn under(self, root: &'static str) -> Self {
        Self { under: Some(root), ..self }
    }

    const fn poll(self, poll: Votes) -> Self {
        Self { poll, ..self }
    }

    const fn deleted(self) -> Self {
        Self { deleted: true, ..self }
    }
}

/// The name of the workspace.
pub(crate) const WORKSPACE_NAME: &str = "Harbour Studio";

/// The person whose sign-in is shown. In a fresh workspace they own it.
pub(crate) const GUEST: &str = "robin";

pub(crate) const PEOPLE: &[Person] = &[
    Person::new(GUEST, "Robin Vale"),
    Person::new("ana", "Ana Benítez").title("Harbour master").pronouns("she/her").zone("Europe/Lisbon"),
    Person::new("bo", "Bo Lindqvist").title("Rigger").pronouns("he/him").zone("Europe/Stockholm"),
    Person::new("lin", "林晓").title("调度员").zone("Asia/Shanghai"),
    Person::new("wang", "王伟"),
    Person::new("noor", "نور حداد").title("Charts and tides").zone("Asia/Dubai"),
    Person::new("yuki", "佐藤ゆき").title("航海士").zone("Asia/Tokyo"),
    Person::new("dmitri", "Дмитрий Орлов"),
    Person::new("eleni", "Ελένη Παππά"),
    Person::new("nino", "ნინო ბერიძე"),
    Person::new("minjun", "김민준"),
    Person::new("tamar", "תמר לוי").pronouns("she/they"),
];

const EVERYBODY: &[&str] =
    &[GUEST, "ana", "bo", "lin", "wang", "noor", "yuki", "dmitri", "eleni", "nino", "minjun", "tamar"];

const HOUR: i64 = 60;
/// From the end of a day to the next morning.
const NIGHT: i64 = 15 * HOUR;

pub(crate) const ROOMS: &[Room] = &[
    Room {
        kind: Kind::First,
        title: "general",
        topic: "News for all of us · 大家的消息",
        members: EVERYBODY,
        talk: Talk::Lines(GENERAL),
        ended: 12,
        unread: &[(GUEST, 2), ("nino", 5), ("tamar", 5)],
    },
    Room {
        kind: Kind::Channel,
        title: "engineering",
        topic: "The tide clock, the berth planner, and what keeps them running",
        members: &["bo", GUEST, "wang", "dmitri", "nino", "minjun", "lin"],
        talk: Talk::Lines(ENGINEERING),
        ended: 25,
        unread: &[("lin", 3)],
    },
    Room {
        kind: Kind::Channel,
        title: "开航计划",
        topic: "春季开航：海报、航线、通知",
        members: &["lin", "wang", GUEST, "ana", "yuki"],
        talk: Talk::Lines(LAUNCH),
        ended: 48,
        unread: &[(GUEST, 3)],
    },
    Room {
        kind: Kind::Channel,
        title: "harbour-log",
        topic: "What the watch writes down, every few minutes · 值班日志",
        members: crate::log::WATCH,
        talk: Talk::Log(20_000),
        ended: 4,
        unread: &[(GUEST, 250)],
    },
    Room {
        kind: Kind::Channel,
        title: "lunch 🍜",
        topic: "Where, when, and who brings the salt",
        members: &["yuki", GUEST, "ana", "minjun", "noor", "lin", "eleni", "tamar"],
        talk: Talk::Lines(LUNCH),
        ended: 95,
        unread: &[],
    },
    Room {
        kind: Kind::Group,
        title: "Poster jury",
        topic: "Decides by Friday. Really.",
        members: &["ana", GUEST, "lin", "eleni"],
        talk: Talk::Lines(JURY),
        ended: 3 * HOUR,
        unread: &[],
    },
    Room {
        kind: Kind::Group,
        title: "Saturday sail · 周六出海",
        topic: "",
        members: &["noor", GUEST, "wang", "dmitri", "yuki"],
        talk: Talk::Lines(SAIL),
        ended: 20 * HOUR,
        unread: &[],
    },
    Room {
        kind: Kind::Direct,
        title: "robin and lin",
        topic: "",
        members: &[GUEST, "lin"],
        talk: Talk::Lines(WITH_LIN),
        ended: 31,
        unread: &[(GUEST, 1)],
    },
    Room {
        kind: Kind::Direct,
        title: "robin and bo",
        topic: "",
        members: &["bo", GUEST],
        talk: Talk::Lines(WITH_BO),
        ended: 5 * HOUR,
        unread: &[],
    },
    Room {
        kind: Kind::Direct,
        title: "robin and noor",
        topic: "",
        members: &["noor", GUEST],
        talk: Talk::Lines(WITH_NOOR),
        ended: 26 * HOUR,
        unread: &[],
    },
    Room {
        kind: Kind::Direct,
        title: "ana and eleni",
        topic: "",
        members: &["ana", "eleni"],
        talk: Talk::Lines(ANA_AND_ELENI),
        ended: 2 * HOUR,
        unread: &[("eleni", 1)],
    },
];

const GENERAL: &[ScriptedMessage<'static>] = &[
    say(GUEST, "Welcome to Harbour Studio 👋\n\nThis room is for news that everybody should see. Questions about the tide clock go to #engineering, hunger goes to #lunch.")
        .pinned_by(GUEST)
        .reactions(&[("👋", &["ana", "bo", "noor", "yuki", "minjun"]), ("⚓", &["dmitri", "eleni"])]),
    say("lin", "大家好！我是林晓，负责海报和插画，坐在三楼靠窗的位置。")
        .reactions(&[("🎨", &["ana", "eleni"]), ("👋", &["wang", "noor"])]),
    say("dmitri", "Привет! Dmitri here, on the night watch until March. Wake me only for fire and for good pastry."),
    say("eleni", "Καλημέρα! I print what Lin draws."),
    say("bo", "Morning! The heron is back on the east pier.").after(NIGHT),
    say("noor", "🐦"),
    say("tamar", "He stole a sandwich last year. Mine.")
        .reactions(&[("😂", &[GUEST, "ana", "bo", "nino", "minjun", "noor"]), ("🥪", &["yuki"])]),
    say("ana", "The ferry timetable changes on Monday. I put it on the board, and here:\nhttps://harbour.example/ferry/winter")
        .after(3 * HOUR)
        .saved_by(GUEST)
        .pinned_by(GUEST)
        .reactions(&[("🙏", &["bo", "noor", "tamar"])]),
    say("bo", "Thank you. The 17:20 is gone, so the late shift should take the 17:50.")
        .edited("Thank you. The 17:20 is gone, so the late shift should take the 17:50. (Not the 17:55. That is the freight ferry, and it does not like us.)"),
    say("wang", "系泊系统今晚升级，大约需要十分钟，期间请不要重启浮标。").after(2 * HOUR),
    say("wang", "升级完成，一切正常 ✅").after(47).reactions(&[("🎉", &["lin", "dmitri", GUEST]), ("👍", &["yuki"])]),
    say("noor", "Who moved the long rope?").after(NIGHT),
    say("bo", "Me, sorry. It is on the second hook, where it should have been all along.").under("Who moved"),
    say("dmitri", "I looked for it with a torch at two in the morning.").under("Who moved"),
    say("noor", "Found it. You are forgiven 🤝").under("Who moved").reactions(&[("❤️", &["bo"])]),
    say(GUEST, "Second hook it is. I put it into the handbook.").under("Who moved"),
    say("nino", "Reminder: the fire drill is today at three. Yes, in the rain.").reactions(&[("☔", &["ana", "minjun", "yuki", "tamar"])]),
    say("minjun", "Is the drill also for people who work from the boat?"),
    say("nino", "Especially for people who work from the boat."),
    say("tamar", "And where do those meet who are *under* the boat?").under("Is the drill also"),
    say("bo", "At the ladder. Bring a towel.").under("Is the drill also"),
    say("lin", "海报的三个版本都好了，大家更喜欢哪一个？\nA 日出　B 灯塔　C 渡船").after(HOUR).reactions(&[
        ("🅰️", &["minjun"]),
        ("🅱️", &["wang", "ana", "yuki", "noor", GUEST, "eleni"]),
        ("⛴️", &["dmitri", "bo"]),
    ]),
    say("wang", "B，灯塔那张很有感觉。").under("海报的三个版本"),
    say("ana", "The lighthouse, B. It says what we are at one glance.").under("海报的三个版本"),
    say("yuki", "B に一票です。灯台の光がとてもきれい。").under("海报的三个版本"),
    say("dmitri", "C. Somebody has to vote for the ferry.").under("海报的三个版本"),
    say("tamar", "wrong room, sorry").deleted(),
    say(GUEST, "B it is, then. The printer needs the file by four.").after(25).reactions(&[("👍", &["lin", "eleni", "ana"])]),
    say("eleni", "Printed, and hanging in the window. Come and look.").after(40).reactions(&[("😍", &["lin", GUEST, "yuki"]), ("👏", &["ana", "wang", "bo"])]),
    say("lin", "太好看了，谢谢 Eleni！🙌"),
    say("ana", "Dinner on the pier, as soon as it is warm: which evenings suit you?").after(20).poll(&[
        ("Thursday", &["noor", "dmitri"]),
        ("Friday", &["ana", "bo", "lin", "yuki", "noor", "eleni"]),
        ("星期六", &["wang", "lin", "minjun"]),
    ]),
    say("noor", "The harbour master stopped, read it, and smiled. I have a witness."),
];

const ENGINEERING: &[ScriptedMessage<'static>] = &[
    say("bo", "House rule for this channel: if you paste a stack trace, paste all of it. The line that matters is always the one that was cut.")
        .pinned_by("bo"),
    say("nino", "The berth planner puts two ships at berth 7 again. It happens when one leaves at the very minute in which the other comes."),
    say("bo", "That sounds like a closed interval on both ends. Let me look."),
    say("bo", "Found it:\n```rust\nfn overlaps(a: &Stay, b: &Stay) -> bool {\n    a.from <= b.until && b.from <= a.until\n}\n```\nHalf-open intervals want `<` in both places.")
        .after(14)
        .reactions(&[("👀", &["nino", "dmitri"]), ("💯", &["minjun"])]),
    say("nino", "```rust\nfn overlaps(a: &Stay, b: &Stay) -> bool {\n    a.from < b.until && b.from < a.until\n}\n\n#[test]\nfn one_may_come_in_the_minute_in_which_another_leaves() {\n    let early = Stay::new(noon(), noon() + HOUR);\n    let late = Stay::new(noon() + HOUR, noon() + 2 * HOUR);\n    assert!(!overlaps(&early, &late));\n}\n```\nWith a test, so that it stays mended.")
        .reactions(&[("✅", &["bo", "wang", GUEST]), ("🚢", &["dmitri"])]),
    say("wang", "我顺便查了一下数据库里已有的冲突：\n```sql\nselect a.ship, b.ship, a.berth, a.until\nfrom stays a\njoin stays b on a.berth = b.berth and a.id < b.id\n where a.from_at <= b.until and b.from_at <= a.until\norder by a.until desc\nlimit 20;\n```\n只有两条，都是昨天的，已经手工改好了。")
        .after(32)
        .reactions(&[("🙏", &["nino"])]),
    say(GUEST, "Thank you both. That was quicker than the meeting about it would have been.").reactions(&[("😄", &["bo", "nino", "wang", "minjun"])]),
    say("dmitri", "Night watch says: the tide clock was 40 seconds fast between 02:10 and 02:50. Log:\n```\n02:10:03  WARN  clock::sync  no answer from harbour-ntp-2, 3 tries\n02:10:03  WARN  clock::sync  falling back to the local oscillator\n02:50:41  INFO  clock::sync  harbour-ntp-2 is back, offset -39.8 s, slewing\n```")
        .after(NIGHT),
    say("minjun", "We asked one server only. The others are in the list, but the list is sorted by name and we take the first. 🤦")
        .edited("We asked one server only. The others are in the list, but the list is sorted by name and we take the first two, and two cannot outvote each other. 🤦"),
    say("minjun", "```diff\n-const ASKED: usize = 2;\n+// Three is the least that can outvote a liar.\n+const ASKED: usize = 3;\n```")
        .reactions(&[("🤝", &["dmitri", "bo"]), ("🕰️", &["nino", GUEST])]),
    say("wang", "潮高的公式再确认一下，$$\\omega_i$$ 是各分潮的角速度：\n$$\nh(t) = h_0 + \\sum_{i=1}^{n} A_i \\cos\\left(\\omega_i t + \\varphi_i\\right)\n$$\n时钟快 40 秒，误差不到一毫米。")
        .after(HOUR)
        .reactions(&[("🌊", &["dmitri", "nino"])]),
    say("lin", "新的图标放在 `assets/icons/`，SVG 和 32 像素的 PNG 都有。旧的先不要删，打印店还在用。").after(2 * HOUR),
    say("wang", "收到。构建脚本我来改：\n```sh\nfor icon in assets/icons/*.svg; do\n  name=$(basename \"$icon\" .svg)\n  rsvg-convert -w 32 \"$icon\" -o \"out/$name.png\"\ndone\n```"),
    say("bo", "**This morning's load test**, one server, eight thousand boats on the map:\n\n| | before | after |\n|:--|--:|--:|\n| median | 41 ms | **12 ms** |\n| 99 of 100 | 310 ms | **38 ms** |\n| memory | 620 MB | **210 MB** |\n\nThe change: we send the boats that *moved*, not all of them.")
        .after(HOUR)
        .reactions(&[("🚀", &["nino", "wang", "minjun", GUEST, "lin"]), ("📉", &["dmitri"])])
        .pinned_by("bo"),
    say("nino", "Who knew that most boats do not move most of the time."),
    say("dmitri", "Every sailor. Nobody asks sailors."),
    say(GUEST, "> Every sailor. Nobody asks sailors.\nCan we have that on the wall, @lin?").reactions(&[("🖼️", &["lin", "bo"])]),
    say("lin", "字体我来选 😎"),
    say("bo", "@design, does the wall have room for two sizes?"),
];

const LAUNCH: &[ScriptedMessage<'static>] = &[
    say("lin", "大家好，开航计划放在这里讨论。有结论的会置顶。").pinned_by("lin"),
    say("wang", "好的，我先列一个清单，**周五之前**全部打勾：\n- [x] 缆绳检查\n- [x] 航线确认\n- [ ] 通知港口\n- [ ] 海报和传单\n- [ ] 点心")
        .reactions(&[("✅", &["lin", "yuki"])])
        .pinned_by("lin"),
    say("ana", "I can take the third point, @wang. 港口 knows me."),
    say("lin", "太好了 🙌"),
    say("yuki", "点心は私に任せてください 🍡").reactions(&[("🍡", &["lin", "wang", "ana", GUEST])]),
    say("wang", "航线确认了：周六早上八点出发，绕过灯塔，十一点回到七号泊位，顺风。")
        .after(4 * HOUR)
        .edited("航线确认了：周六早上八点半出发，绕过灯塔，十一点半回到七号泊位，顺风。"),
    say("lin", "海报初稿：https://harbour.example/posters/spring").after(NIGHT),
    say("wang", "颜色很好看，标题可以再大一点。"),
    say("lin", "改好了，请再看一下。"),
    say("wang", "👍"),
    say(GUEST, "我的中文还在学，但是这张海报我看懂了 😄")
        .reactions(&[("👏", &["lin", "wang", "ana"]), ("💪", &["yuki"])]),
    say("ana", "The harbour master says yes: berth 7, from Friday noon.").after(3 * HOUR),
    say("lin", "那就定了，七号泊位，周五中午开始布置。"),
    say("wang", "缆绳全部检查完毕，换了两根。照片放在共享文件夹里。").reactions(&[("🪢", &["lin"])]),
    say("yuki", "人数の確認です：现在一共 34 人，还差 6 个位置。"),
];

const LUNCH: &[ScriptedMessage<'static>] = &[
    say("yuki", "今日のラーメン：味噌か、塩か？").reactions(&[("🍜", &["minjun", "lin", GUEST, "eleni"])]),
    say("minjun", "미소! Miso, please."),
    say("noor", "Salt. And the table by the window, where the heron cannot reach."),
    say("tamar", "I still do not find this funny.")
        .reactions(&[("🥪", &["noor", "ana", GUEST]), ("😂", &["yuki", "minjun"])]),
    say("eleni", "I have a spinach pie for eight. Who is eight?")
        .after(NIGHT)
        .reactions(&[("🙋", &["ana", "noor", "lin", GUEST, "yuki", "minjun"]), ("🥧", &["tamar"])]),
    say("lin", "我可以算两个人吗？"),
    say("eleni", "You draw for two, so you eat for two."),
    say("ana", "12:30 at the long table. I bring the olives.").reactions(&[("🫒", &["eleni", "tamar"])]),
    say("minjun", "🏃💨"),
    say(GUEST, "That was the best pie of the year.")
        .after(70)
        .reactions(&[("💯", &["ana", "lin", "yuki", "noor", "minjun"]), ("🥧", &["eleni"])]),
];

const JURY: &[ScriptedMessage<'static>] = &[
    say("ana", "Three posters, one window. The rules: one vote each, no crying."),
    say("eleni", "Printing on the heavy paper costs a third more, and looks twice as good."),
    say("lin", "我投重磅纸一票。"),
    say(GUEST, "The heavy paper, then. I find the money in the budget for pastry.")
        .reactions(&[("😱", &["ana"]), ("🙏", &["eleni", "lin"])]),
    say("ana", "Dmitri must never learn of this.").reactions(&[("🤫", &[GUEST, "eleni", "lin"])]),
];

const SAIL: &[ScriptedMessage<'static>] = &[
    say("noor", "Saturday: wind from the south-west, 4 to 5, sun from ten. I have room for five."),
    say("wang", "我来！我带热茶。").reactions(&[("🍵", &["yuki", "noor"])]),
    say("yuki", "行きます ⛵"),
    say("dmitri", "After a night watch I sleep in the bow. Do not tack too loudly."),
    say(GUEST, "In. I can bring bread, and one poem by heart.")
        .reactions(&[("🍞", &["noor"]), ("📜", &["wang", "dmitri"])]),
    say("noor", "**08:15** at the pier. Whoever is late swims. ||Last time it was Dmitri.||")
        .pinned_by("noor")
        .reactions(&[("🏊", &["dmitri"])]),
];

const WITH_LIN: &[ScriptedMessage<'static>] = &[
    say(GUEST, "The sketches are lovely. May I show them to the harbour master?"),
    say("lin", "当然可以！不过第三张还没上色。"),
    say(GUEST, "Then the first two."),
    say("lin", "谢谢！我下午发最终版。").after(2 * HOUR),
];

const WITH_BO: &[ScriptedMessage<'static>] = &[
    say("bo", "Could you look at the harbour master's letter before I answer?"),
    say(GUEST, "On it. Tomorrow morning, with coffee."),
    say(GUEST, "Read it. He is right about the lights, and wrong about the invoice:\n> «the sum of 1,240, as agreed by telephone»\nNobody here agrees by telephone.").after(NIGHT),
    say("bo", "Ha. I will put it kindly.").reactions(&[("🙏", &[GUEST])]),
];

const WITH_NOOR: &[ScriptedMessage<'static>] = &[
    say("noor", "صباح الخير Robin! Is the blue dinghy free on Sunday?"),
    say(GUEST, "Yours. The left oar squeaks, the right one sings."),
    say("noor", "A duet, then 🎶").reactions(&[("😄", &[GUEST])]),
];

const ANA_AND_ELENI: &[ScriptedMessage<'static>] = &[
    say("ana", "Did the ink arrive?"),
    say("eleni", "Two of three. The blue is still at sea."),
    say("ana", "Of course it is the blue 🌊"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use protocol::{Body, DisplayName, Emoji, Handle, PersonTitle, Pronouns, RoomTitle, RoomTopic, ZoneName};

    use super::*;

    fn lines() -> impl Iterator<Item = (&'static Room, &'static ScriptedMessage<'static>)> {
        ROOMS.iter().flat_map(|room| match room.talk {
            Talk::Lines(lines) => lines.iter().map(|line| (room, line)).collect::<Vec<_>>(),
            Talk::Log(_) => Vec::new(),
        })
    }

    #[test]
    fn people_and_rooms_are_what_the_server_accepts() {
        let handles: BTreeSet<&str> = PEOPLE.iter().map(|person| person.handle).collect();
        assert_eq!(handles.len(), PEOPLE.len());
        assert_eq!(handles, EVERYBODY.iter().copied().collect());
        for person in PEOPLE {
            assert_eq!(Handle::parse(person.handle).unwrap().as_str(), person.handle);
            assert_eq!(DisplayName::parse(person.name).unwrap().as_str(), person.name);
            assert_eq!(PersonTitle::parse(person.title).unwrap().as_str(), person.title);
            assert_eq!(Pronouns::parse(person.pronouns).unwrap().as_str(), person.pronouns);
            assert_eq!(ZoneName::parse(person.zone).unwrap().as_str(), person.zone);
        }
        let titles: BTreeSet<&str> = ROOMS.iter().map(|room| room.title).collect();
        assert_eq!(titles.len(), ROOMS.len());
        for room in ROOMS {
            assert_eq!(RoomTitle::parse(room.title).unwrap().as_str(), room.title);
            assert_eq!(RoomTopic::parse(room.topic).unwrap().as_str(), room.topic);
            assert!(room.members.iter().all(|member| handles.contains(member)), "{}", room.title);
            assert!(room.kind != Kind::Direct || room.members.len() == 2, "{}", room.title);
        }
        assert_eq!(ROOMS.iter().filter(|room| room.kind == Kind::First).count(), 1);
    }

    #[test]
    fn whoever_does_something_is_in_the_room() {
        for (room, line) in lines() {
            let reacting = line.reactions.iter().flat_map(|(_, who)| who.iter());
            let reacting = reacting.chain(line.poll.iter().flat_map(|(_, who)| who.iter()));
            for who in reacting.chain(line.pinned_by.iter()).chain([&line.who]) {
                assert!(room.members.contains(who), "{who} is not in {}", room.title);
            }
            let may_pin = |who| !matches!(room.kind, Kind::First | Kind::Channel) || room.members[0] == who;
            assert!(line.pinned_by.is_none_or(may_pin), "only its owner pins in {}", room.title);
            for (who, _) in room.unread {
                assert!(room.members.contains(who), "{who} is not in {}", room.title);
            }
        }
    }

    #[test]
    fn every_line_is_what_the_server_accepts_and_there_once() {
        let mut seen = BTreeSet::new();
        for (room, line) in lines() {
            for text in [Some(line.text), line.edited].into_iter().flatten() {
                assert_eq!(Body::parse(text).unwrap().as_str(), text);
            }
            if let Some(poll) = line.new_poll() {
                assert_eq!(poll.clone().parse(), Ok(poll));
            }
            for (emoji, who) in line.reactions {
                // Stored with a variation selector where it needs one.
                assert!(Emoji::parse(emoji).is_ok(), "{emoji}");
                assert!(!who.is_empty(), "{emoji} in {}", room.title);
            }
            let is_before = |root: &str| {
                let said = seen.iter().any(|(title, _, text): &(&str, &str, &str)| {
                    *title == room.title && text.starts_with(root)
                });
                said && room.kind != Kind::Direct
            };
            assert!(line.under.is_none_or(is_before), "no such root: {:?}", line.under);
            assert!(seen.insert((room.title, line.who, line.text)), "twice: {}", line.text);
        }
    }
}
