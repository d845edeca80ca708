//! Refusals in a person's words: what happened, what it means for their text, and what to do.

use protocol::{ErrorCode, Refusal};

use super::Words;

impl Words {
    /// Why something did not happen.
    #[must_use]
    pub fn refusal(self, refusal: &Refusal) -> String {
        let max = refusal.max.unwrap_or_default();
        let seconds = refusal.retry_ms.map_or(1, |ms| ms.div_ceil(1_000).max(1));
        let (en, zh) = match refusal.code {
            ErrorCode::MalformedFrame
            | ErrorCode::UnknownCommand
            | ErrorCode::MalformedCommand
            | ErrorCode::NotUtf8
            | ErrorCode::HelloMissing
            | ErrorCode::HelloRepeated
            | ErrorCode::TooMuchGarbage => (
                "The server did not understand this page. Reload it and try again; nothing is lost.",
                "服务器无法理解这个页面。请重新加载后再试，内容不会丢失。",
            ),
            ErrorCode::FrameTooLarge => (
                "This is too large to send at once. Send it in parts.",
                "内容太大，无法一次发送。请分段发送。",
            ),
            ErrorCode::VersionUnsupported => (
                "Roost has been updated. Reload the page and try again.",
                "Roost 已更新。请重新加载页面后再试。",
            ),
            ErrorCode::OriginForeign => (
                "This came from another address than this place's own. Open Roost at its own address and try again.",
                "请求来自其他地址。请在 Roost 自己的地址打开后再试。",
            ),
            ErrorCode::NotSignedIn => {
                ("You are no longer signed in. Sign in and try again.", "登录已失效。请登录后再试。")
            }
            ErrorCode::TooManyConnections => (
                "Roost is open in too many places at once. Close some of them and try again.",
                "同时打开的 Roost 太多了。请关闭一些后再试。",
            ),
            ErrorCode::TextEmpty => ("Write something first.", "请先输入内容。"),
            ErrorCode::TextTooLong => {
                return self.pick(
                    format!("This is longer than {max} characters. Shorten it, or send it in parts."),
                    format!("超过了 {max} 个字符。请缩短，或分段发送。"),
                );
            }
            ErrorCode::TextInvalid => (
                "There are invisible control characters in it. Remove them, for example by typing the text anew.",
                "内容中有不可见的控制字符。请去掉它们，例如重新输入。",
            ),
            ErrorCode::EmojiInvalid => {
                ("One emoji is wanted here, and nothing else.", "这里只能放一个表情符号。")
            }
            ErrorCode::RoomUnknown => (
                "This room does not exist, or you are no longer in it. Someone who is can invite you.",
                "房间不存在，或者你已不在其中。可以请里面的人邀请你。",
            ),
            ErrorCode::Forbidden => ("You do not have permission to do that.", "你没有权限进行这项操作。"),
            ErrorCode::UserUnknown => ("There is no such person here.", "这里没有这个人。"),
            ErrorCode::RoomsFull => (
                "You are in as many rooms as one may be. Leave one first.",
                "你加入的房间已达上限。请先离开一个。",
            ),
            ErrorCode::MembersFull => ("The room is full.", "房间已满。"),
            ErrorCode::DirectRoom => (
                "A direct message has two people and no name. Make a group instead.",
                "私聊只有两个人，也没有名称。请新建一个群组。",
            ),
            ErrorCode::MessageUnknown => ("There is no such message here.", "这里没有这条消息。"),
            ErrorCode::MessageDeleted => ("This message has been deleted.", "这条消息已被删除。"),
            ErrorCode::EditedMeanwhile => (
                "This message was edited elsewhere meanwhile; what it says now stands above. Save again to replace that, or step back to leave it.",
                "这条消息刚在别处被编辑过，现在的内容显示在上方。再次保存会替换它，也可以返回并保留它。",
            ),
            ErrorCode::ReactionsFull => {
                ("This message has as many reactions as it can carry.", "这条消息的表情回应已达上限。")
            }
            ErrorCode::PinsFull => (
                "No more messages can be pinned here. Unpin one first.",
                "置顶消息已达上限。请先取消一条置顶。",
            ),
            ErrorCode::RoomArchived => {
                ("This room is archived. It can only be read.", "此房间已归档，只能查看。")
            }
            ErrorCode::TitleTaken => {
                ("There is already a channel with this name. Choose another.", "已有同名频道，请换一个名称。")
            }
            ErrorCode::Banned => (
                "You are banned from this channel. One of its moderators can let you back in.",
                "你已被这个频道封禁，可以请版主解除封禁。",
            ),
            ErrorCode::LastOwner => (
                "There must always be an owner. Make someone else an owner first.",
                "至少要有一位所有者，请先指定另一位。",
            ),
            ErrorCode::NonceTaken => (
                "This form has already sent a message with a different text. This text has not been sent: send it again.",
                "此前已从这里发出一条内容不同的消息。当前文字尚未发送，请再发送一次。",
            ),
            ErrorCode::HandleTaken => {
                ("Someone else has this handle. Choose another.", "这个用户名已被使用，请换一个。")
            }
            ErrorCode::HandleInvalid => (
                "A handle has 2 to 32 of a–z, 0–9, dots, dashes and underscores, and begins with a letter or digit.",
                "用户名为 2 到 32 个字符：a–z、0–9、点、连字符、下划线，以字母或数字开头。",
            ),
            ErrorCode::PasswordTooShort => {
                return self.pick(
                    format!("Too short: a password has at least {max} characters."),
                    format!("太短：密码至少 {max} 个字符。"),
                );
            }
            ErrorCode::PasswordTooLong => {
                return self.pick(
                    format!("Too long: a password has at most {max} characters."),
                    format!("太长：密码最多 {max} 个字符。"),
                );
            }
            ErrorCode::CredentialsWrong => (
                "That handle and password do not belong together. Check both.",
                "用户名或密码不正确，请检查。",
            ),
            ErrorCode::SignUpClosed => {
                ("This place takes no new people at the moment.", "这里目前不接受新成员。")
            }
            ErrorCode::InvitationInvalid => (
                "This invitation is used up, out of date, or mistyped. Ask for a new link.",
                "邀请已用完、过期或有误。请索取新的链接。",
            ),
            ErrorCode::AccountSuspended => (
                "This account is suspended. Ask someone who looks after this place.",
                "此账号已被停用，请联系管理员。",
            ),
            ErrorCode::PasswordWrong => ("This is not your current password.", "当前密码不正确。"),
            ErrorCode::PasswordLinkInvalid => (
                "This link is used up, out of date, or mistyped. Ask for a new one.",
                "链接已使用、过期或有误。请索取新的链接。",
            ),
            ErrorCode::SlowDown | ErrorCode::TooManyFrames => {
                return self.pick(
                    format!("Too much at once. Try again in {seconds} s."),
                    format!("操作太快了。请 {seconds} 秒后再试。"),
                );
            }
            ErrorCode::Busy => (
                "The server is busy. Nothing is lost; try again in a moment.",
                "服务器繁忙。内容没有丢失，请稍后再试。",
            ),
            ErrorCode::Internal => (
                "The server failed. Nothing is lost; try again in a moment.",
                "服务器出错了。内容没有丢失，请稍后再试。",
            ),
            ErrorCode::Leaving => (
                "The server is restarting. Nothing is lost; try again in a moment.",
                "服务器正在重启。内容没有丢失，请稍后再试。",
            ),
        };
        self.pick(en, zh).to_owned()
    }
}
