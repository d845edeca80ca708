//! Limits known to both ends.

/// Characters (Unicode scalar values) of a message.
pub const BODY_CHARS_MAX: usize = 4_000;
/// Characters of an emoji: a family of four with skin tones has eleven.
pub const EMOJI_CHARS_MAX: usize = 16;
/// Different emoji under one message.
pub const EMOJIS_MAX: usize = 20;
/// Reactions to one message, over all emoji. All of them are sent with the message.
pub const REACTIONS_MAX: usize = 500;
/// Texts that are kept of an edited message, with the current one: the first and the newest.
pub const VERSIONS_MAX: usize = 100;
/// Bytes of one WebSocket frame from a browser.
pub const FRAME_BYTES_MAX: usize = 64 * 1024;
/// Minimum length of a handle, in characters.
pub const HANDLE_CHARS_MIN: usize = 2;
/// Maximum length of a handle, in characters.
pub const HANDLE_CHARS_MAX: usize = 32;
/// Characters of a display name.
pub const NAME_CHARS_MAX: usize = 64;
/// Bytes of the pinyin of a name or a title: more spellings and longer names are cut off.
pub const PINYIN_BYTES_MAX: usize = 160;
/// Characters of a person's title.
pub const PERSON_TITLE_CHARS_MAX: usize = 80;
/// Characters of a person's pronouns.
pub const PRONOUNS_CHARS_MAX: usize = 40;
/// Characters of the name of a time zone. The longest of the tz database has 32.
pub const ZONE_NAME_CHARS_MAX: usize = 64;
/// Minimum length of a password, in characters.
pub const PASSWORD_CHARS_MIN: usize = 10;
/// Maximum length of a password, in characters: hashing time grows with it.
pub const PASSWORD_CHARS_MAX: usize = 256;
/// Characters of a room's title.
pub const TITLE_CHARS_MAX: usize = 80;
/// Characters of a room's topic.
pub const TOPIC_CHARS_MAX: usize = 250;
/// Messages in one page of history, and in the first page of a room.
pub const PAGE_MESSAGES: usize = 50;
/// Changes in one answer to `catch_up`.
pub const CHANGES_MAX: usize = 200;
/// A browser that is further behind than this gets the newest page instead of the changes.
pub const BEHIND_MAX: i64 = 1_000;
/// Rooms that one person may be in.
pub const ROOMS_PER_USER_MAX: usize = 2_000;
/// Others may add a person to a room only while the person is in fewer rooms than this. The rest is
/// for rooms of their own choice.
pub const ROOMS_ADDED_MAX: usize = 1_500;
/// Rooms in one answer to `list_rooms`, and in one `compare_rooms`.
pub const ROOMS_PAGE: usize = 100;
/// Bytes of the rooms in `welcome`, as JSON; with everything else it stays below 64 kB.
pub const WELCOME_ROOMS_BYTES_MAX: usize = 48 * 1024;
/// Rooms in `welcome`, and in a page's HTML: those on the screen.
pub const ROOMS_SHOWN: usize = 50;
/// Pinned messages of one room.
pub const PINS_MAX: usize = 100;
/// The fewest options of a poll.
pub const POLL_OPTIONS_MIN: usize = 2;
/// The most options of a poll.
pub const POLL_OPTIONS_MAX: usize = 10;
/// Characters of an option of a poll.
pub const POLL_OPTION_CHARS_MAX: usize = 100;
/// Files of one message.
pub const FILES_MAX: usize = 10;
/// Characters of a file's name.
pub const FILE_NAME_CHARS_MAX: usize = 120;
/// Characters that say what a file shows: a sentence, so that ten of them and the longest text fit into a frame.
pub const FILE_ALT_CHARS_MAX: usize = 120;
/// Lines of a text file that its message shows.
pub const EXCERPT_LINES_MAX: usize = 6;
/// Characters of each of them.
pub const EXCERPT_LINE_CHARS_MAX: usize = 160;
/// The small copy of a picture fits into a square of this size, in pixels: twice what the timeline shows, for dense screens.
pub const PICTURE_SMALL_PX: u32 = 720;
/// The large copy of a picture fits into a square of this size, in pixels.
pub const PICTURE_LARGE_PX: u32 = 2_048;
/// People in one answer to `voters`. If there are as many, there may be more after the last one.
pub const VOTERS_PAGE: usize = 100;
/// Different names that one message mentions.
pub const MENTIONS_MAX: usize = 50;
/// Different groups that one message mentions. Names of more groups mention nobody.
pub const GROUP_MENTIONS_MAX: usize = 10;
/// Groups of people in a workspace.
pub const GROUPS_MAX: usize = 200;
/// People in one group.
pub const GROUP_MEMBERS_MAX: usize = 1_000;
/// Whoever may post may mention groups of up to this many people together in one message, counted from the smallest
/// group. Only those who may mention everyone can mention more; and a reply makes no more people follow its thread
/// by their groups. What an edit keeps is counted before what it adds.
pub const GROUP_OPEN_MAX: u32 = 50;
/// People in one answer to `group`.
pub const GROUP_PAGE: usize = 50;
/// Groups that a profile names.
pub const GROUPS_SHOWN: usize = 20;
/// People whom a thread's root shows: those who replied last.
pub const THREAD_AUTHORS_MAX: usize = 3;
/// Threads in one answer to `threads`.
pub const THREADS_PAGE: usize = 30;
/// Threads that one person follows which come with `personal`: those with the newest replies. `threads` lists all.
pub const FOLLOWED_MAX: usize = 200;
/// Messages in one `previews` command: as many as in a page.
pub const PREVIEWS_MAX: usize = PAGE_MESSAGES;
/// Messages that one person has saved for later.
pub const SAVED_MAX: usize = 500;
/// Pending scheduled messages of one person; one answer contains all of them.
pub const SCHEDULED_MAX: usize = 50;
/// Drafts of one person that are stored for all of their devices; one answer contains all of them.
pub const DRAFTS_MAX: usize = 100;
/// How far ahead reminders and scheduled messages may be, in milliseconds: a year and a day.
pub const AHEAD_MS_MAX: i64 = 366 * 24 * 3_600 * 1_000;
/// A time that has passed by no more than this counts as now: the command may have waited for a
/// connection, and the device's clock may be slow.
pub const PASSED_MS_MAX: i64 = 15 * 60 * 1_000;
/// People in one `people` command.
pub const PEOPLE_MAX: usize = 100;
/// Members of one room.
pub const MEMBERS_MAX: usize = 10_000;
/// Members that one answer lists.
pub const MEMBERS_LISTED_MAX: usize = 200;
/// In a room with up to this many members, everyone is told each member's marks.
pub const MARKS_MEMBERS_MAX: usize = 100;
/// People in one answer to `banned`: those who were banned last.
pub const BANNED_LISTED_MAX: usize = 100;
/// People in one `invite`.
pub const INVITE_MAX: usize = 50;
/// People or channels that one search lists.
pub const FOUND_MAX: usize = 30;
/// Characters of a search query.
pub const SEARCH_CHARS_MAX: usize = 200;
/// Hits in one answer to `search`.
pub const FOUND_PAGE: usize = 20;
/// Hits are counted up to here and then shown as "100+".
pub const FOUND_COUNT_MAX: u32 = 101;
/// Characters around a hit.
pub const CONTEXT_CHARS: usize = 160;
/// Previews of one message: those of its first links.
pub const LINK_PREVIEWS_MAX: usize = 3;
/// Characters of the title of a linked page …
pub const LINK_TITLE_CHARS_MAX: usize = 200;
/// … of what it says of itself …
pub const LINK_TEXT_CHARS_MAX: usize = 300;
/// … and of the name of its site.
pub const LINK_SITE_CHARS_MAX: usize = 80;
/// The longest address, in bytes, of which there is a preview.
pub const LINK_BYTES_MAX: usize = 2_048;
/// Characters of a message preview.
pub const PREVIEW_CHARS: usize = 160;
/// Unread messages are counted up to here and then shown as "99+".
pub const UNREAD_MAX: u32 = 100;

// Timeouts, in milliseconds. Each end waits for an answer for longer than the other end works on
// it. So if the database is slow, a browser gets a refusal and does not repeat the query.

/// The database aborts a statement after this time.
pub const STATEMENT_MS: u32 = 8_000;
/// A server works on a command for this time, then refuses it (5003). A send has twice as long,
/// because it may wait behind another flush.
pub const COMMAND_MS: u32 = 10_000;
/// A browser gives up a connection that leaves a send unanswered for this time, even if events
/// arrive on it, and repeats the send on the next one. The time covers the server's work on the
/// send and on some earlier commands, and the network.
pub const SENT_MS: u32 = 60_000;
/// A `hello` waits this long for a permit, then the server refuses it (5002).
pub const HELLO_WAIT_MS: u32 = 5_000;
/// The bytes of the file that a person's picture is made from.
pub const FACE_BYTES_MAX: usize = 10_000_000;
/// A browser sends `hello` within this time after the socket opens.
pub const HELLO_MS: u32 = 10_000;
/// A browser waits this long for its `welcome`; this covers the server's work and a long list on a
/// slow network. After each timeout the wait doubles, up to [`WELCOME_MS_MAX`].
pub const WELCOME_MS: u32 = 20_000;
/// See [`WELCOME_MS`].
pub const WELCOME_MS_MAX: u32 = 80_000;
/// A browser that has received nothing for this time sends a ping.
pub const PING_MS: u32 = 25_000;
/// It waits this long for the answer. A server answers at once, whatever else it is doing.
pub const PONG_MS: u32 = 10_000;
/// The same if something suggests that the connection is dead: a returning user should not wait
/// long.
pub const PONG_DOUBTED_MS: u32 = 4_000;
/// A server closes a connection that was silent for this time.
pub const SILENT_MS: u32 = 3 * PING_MS;

// A frame must have room for the longest message: four bytes per character, twelve (`\ud83d\ude00`)
// if escaped.
const _: () =
    assert!((BODY_CHARS_MAX + POLL_OPTIONS_MAX * POLL_OPTION_CHARS_MAX) * 12 + 1_024 < FRAME_BYTES_MAX);
// The same with files, which come without a poll.
const _: () = assert!((BODY_CHARS_MAX + FILES_MAX * FILE_ALT_CHARS_MAX) * 12 + 2_048 < FRAME_BYTES_MAX);
// The first text, the one before the current one, and the current one.
const _: () = assert!(VERSIONS_MAX >= 3);
const _: () = assert!(PAGE_MESSAGES <= CHANGES_MAX && ROOMS_ADDED_MAX < ROOMS_PER_USER_MAX);
const _: () = assert!(HANDLE_CHARS_MIN < HANDLE_CHARS_MAX && PASSWORD_CHARS_MIN < PASSWORD_CHARS_MAX);
const _: () = assert!(STATEMENT_MS < COMMAND_MS);
const _: () = assert!(HELLO_WAIT_MS < COMMAND_MS);
const _: () = assert!(3 * COMMAND_MS < SENT_MS);
const _: () = assert!(COMMAND_MS + 5_000 <= WELCOME_MS && WELCOME_MS < WELCOME_MS_MAX);
const _: () = assert!(PONG_DOUBTED_MS < PONG_MS && PONG_MS < PING_MS);
const _: () = assert!(PING_MS + PONG_MS < SILENT_MS);
// A connection that is being greeted is not closed for silence.
const _: () = assert!(HELLO_MS < SILENT_MS && COMMAND_MS < SILENT_MS);
