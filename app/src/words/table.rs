//! Sentences without a number or a name in them.

use super::Words;

macro_rules! words {
    ($($name:ident: $en:literal, $zh:literal;)*) => {
        impl Words {
            $(
                #[doc = $en]
                #[must_use]
                pub fn $name(self) -> &'static str {
                    self.pick($en, $zh)
                }
            )*
        }
    };
}

words! {
    // Doors.
    sign_in: "Sign in", "登录";
    sign_up: "Create account", "创建账号";
    sign_out: "Sign out", "退出登录";
    welcome_back: "Welcome back", "欢迎回来";
    new_here: "New here?", "还没有账号？";
    have_account: "Already have an account?", "已有账号？";
    handle: "Handle", "用户名";
    handle_hint: "Small letters, digits, dots and dashes. You sign in with it.", "小写字母、数字、点和连字符。登录时使用。";
    display_name: "Name", "显示名";
    display_name_hint: "What others see. You may write it in any language.", "别人看到的名字，可以用任何语言。";
    password: "Password", "密码";
    password_hint: "At least 10 characters. A few words are easier to remember than signs.", "至少 10 个字符。几个词比符号更容易记住。";
    show_password: "Show password", "显示密码";
    sign_up_by_invitation: "You have been invited", "你收到了邀请";
    link_void: "This link does not work", "这个链接无效";
    invitation_not_needed: "This invitation is used up, out of date, or mistyped. You do not need one: everyone can create an account here.", "邀请已用完、过期或有误。不过这里对所有人开放，无需邀请即可创建账号。";
    sign_up_needs_invitation: "This place is open to people with an invitation link. Ask someone who is in for one.", "这里只对持有邀请链接的人开放。请向里面的人要一个链接。";
    sign_up_closed: "This place takes no new people at the moment.", "这里目前不接受新成员。";
    first_account: "Set up your Roost", "开始使用 Roost";
    first_account_lead: "Nobody is here yet. The first account looks after this place.", "这里还没有人。第一个账号将管理这里。";
    your_words: "What you wrote", "你写的内容";
    your_words_hint: "You were signed out before this was sent. Copy it, sign in, and send it again.", "在发送之前你的登录已失效。请先复制，登录后再发送。";

    // Set-up.
    name_place: "Name this place", "给这里起个名字";
    name_place_lead: "Your team, your company, your family: it stands above the list of rooms.", "团队、公司或家庭的名字：它会显示在房间列表上方。";
    place_name: "Name of the place", "名称";
    place_example: "Harbour Studio", "海港工作室";
    first_channel: "First channel", "第一个频道";
    first_channel_hint: "Everyone who comes can join it. You can make more later.", "所有人都可以加入。以后可以再建。";
    first_channel_example: "general", "大厅";
    go_on: "Continue", "继续";
    place_ready: "It is ready", "准备好了";
    invite_lead: "Give this link to the people you want here. Each of them makes their own account by it.", "把这个链接发给你想邀请的人，他们用它创建自己的账号。";
    enter: "Go in", "进入";

    // Rooms.
    rooms: "Rooms", "房间";
    find_room: "Find a room", "查找房间";
    no_room_found: "No room of that name.", "没有这个名字的房间。";
    go_anywhere: "Go anywhere", "快速跳转";
    go_anywhere_hint: "A room or a person", "房间或人名";
    no_rooms_yet: "You are in no room yet.", "你还没有加入任何房间。";
    no_rooms_hint: "Browse the channels, or write to someone.", "浏览频道，或者给某人写信息。";
    write_to_someone: "Write to someone", "发起私聊";
    new_room: "New room", "新建房间";
    browse_channels: "Browse channels", "浏览频道";
    start_something: "New", "新建";
    settings: "Settings", "设置";
    no_messages: "Nothing here yet", "还没有消息";
    you: "You", "你";
    lobby_title: "Pick a room", "选择一个房间";
    lobby_lead: "What is said in a room arrives here by itself.", "房间里的新消息会自动出现在这里。";
    channel: "Channel", "频道";
    group: "Group", "群组";
    direct: "Direct message", "私聊";
    channel_hint: "Listed. Everyone here can find and join it.", "公开。这里的所有人都能找到并加入。";
    group_hint: "Private. Only who is invited sees it.", "私密。只有受邀的人能看到。";
    back: "Back", "返回";
    details: "Details", "详情";
    close: "Close", "关闭";
    members: "Members", "成员";
    owner: "Owner", "所有者";
    moderator: "Moderator", "版主";
    guest: "Guest", "访客";
    archived: "Archived", "已归档";

    // Rights.
    message: "Message", "发消息";
    make_moderator: "Make moderator", "设为版主";
    make_owner: "Make owner…", "设为所有者…";
    make_owner_now: "Make owner", "设为所有者";
    make_owner_hint: "Owners decide who may do what in this room, and can archive or delete it. Only an administrator can take this back.", "所有者决定房间里谁可以做什么，也可以归档或删除房间。只有管理员能撤销这一操作。";
    remove_as_moderator: "Remove as moderator", "撤销版主";
    remove_as_owner: "Remove as owner", "撤销所有者";
    step_down: "Step down", "卸任";
    step_down_as_owner: "Step down as owner…", "卸任所有者…";
    step_down_as_moderator: "Step down as moderator…", "卸任版主…";
    step_down_hint: "You stay in the room as a member. Only an owner can give you the role again.", "你仍是房间成员，但只有所有者能重新授予你这个身份。";
    remove_from_room: "Remove from room…", "移出房间…";
    remove: "Remove", "移出";
    remove_hint: "They no longer see this channel unless they join it again. Their messages stay.", "对方将看不到这个频道，但可以重新加入。其消息会保留。";
    remove_group_hint: "They no longer see this room until someone adds them again. Their messages stay.", "对方将看不到这个房间，除非再次受邀。其消息会保留。";
    ban_from_room: "Ban from room…", "封禁…";
    ban: "Ban", "封禁";
    ban_hint: "They are removed and cannot come back until an owner or moderator lets them. Their messages stay.", "对方会被移出房间，在所有者或版主解除封禁之前无法回来。其消息会保留。";
    banned_people: "Banned people", "封禁名单";
    banned_hint: "They cannot join this room, and nobody can add them.", "名单上的人无法加入这个房间，也无法被邀请。";
    nobody_banned: "Nobody is banned from this room.", "没有人被这个房间封禁。";
    let_in: "Let back in", "解除封禁";
    room_settings: "Room settings", "房间设置";
    who_posts: "Who can post", "谁可以发消息";
    who_invites: "Who can add people", "谁可以邀请成员";
    who_pins: "Who can pin messages", "谁可以置顶消息";
    everyone: "Everyone", "所有人";
    from_moderator: "Moderators and owners", "版主和所有者";
    from_owner: "Owners only", "仅所有者";
    archive: "Archive", "归档";
    archive_room: "Archive this room", "归档房间";
    archive_hint: "Nobody can write in it any more. Everyone in it can still read it.", "任何人都不能再发消息，但成员仍可查看。";
    unarchive: "Unarchive", "取消归档";
    archived_room: "This room is archived", "房间已归档";
    unarchive_hint: "Unarchive it to let people write in it again.", "取消归档后，成员可以继续发消息。";
    delete_room: "Delete this room", "删除房间";
    delete_room_hint: "Everything in it is erased for everyone.", "其中的所有内容会对所有人清除。";
    delete_room_act: "Delete room", "删除房间";
    delete_room_warning: "All messages, reactions and pins in it are erased for everyone. This cannot be undone.", "其中的所有消息、回应和置顶都会对所有人清除，无法撤销。";
    post_from_moderator: "Only moderators and owners can post here.", "只有版主和所有者可以在这里发消息。";
    post_from_owner: "Only owners can post here.", "只有所有者可以在这里发消息。";
    room_archived: "This room is archived. It can only be read.", "此房间已归档，只能查看。";
    room_left: "You are no longer in this room", "你已不在这个房间";
    room_left_lead: "You left it, someone removed you, or it was deleted.", "你离开了房间、被移出，或者房间已被删除。";
    unsent_here: "You wrote this here, and it was not sent", "你在这里写的以下内容没有发出";
    discard: "Discard", "丢弃";
    show: "Show", "查看";
    leave_owner_hint: "You are its only owner. The member who has been here longest will take over.", "你是唯一的所有者。你离开后，由最早加入的成员接任。";
    no_rooms_for_guests: "Someone here will add you to a room.", "请等待其他成员邀请你加入房间。";
    role: "Role", "身份";
    change_role: "Change role", "修改身份";
    own_role_hint: "If you give up your role, only someone else can give it back.", "放弃后，只有其他人能重新授予你。";
    find_member: "Find a member", "查找成员";
    invite_people: "Invite people", "邀请成员";
    edit_room: "Name and topic", "名称和主题";
    leave_room: "Leave room", "离开房间";
    leave_hint: "You will no longer get its messages. What you wrote stays.", "你将不再收到这里的消息。你写过的内容会保留。";
    leave_group_hint: "You will no longer get its messages, and someone must invite you to come back. What you wrote stays.", "你将不再收到这里的消息，需要再次受邀才能回来。你写过的内容会保留。";
    leave: "Leave", "离开";
    cancel: "Cancel", "取消";
    save: "Save", "保存";
    create: "Create", "创建";
    join: "Join", "加入";
    open: "Open", "打开";
    joined: "Joined", "已加入";
    invite: "Invite", "邀请";
    title: "Name", "名称";
    topic: "Topic", "主题";
    topic_hint: "One line of what it is about. May be empty.", "一句话说明这里讨论什么，可以留空。";
    no_topic: "No topic yet", "还没有主题";
    find_people: "Name or handle", "名字或用户名";
    nobody_found: "Nobody of that name.", "没有找到这个人。";
    find_channels: "Find a channel", "查找频道";
    no_channel_found: "No channel of that name.", "没有找到这个频道。";
    no_channels_yet: "There is no channel yet. Make the first one.", "还没有频道，来建第一个吧。";
    room_gone: "This room is not here", "找不到这个房间";
    room_gone_lead: "It does not exist, or you are not in it. Someone who is can invite you.", "房间不存在，或者你不在其中。可以请里面的人邀请你。";
    people: "People", "人";

    // Timeline.
    unread_line: "New", "新消息";
    room_begins_direct: "This is the beginning of your conversation.", "这是你们对话的开始。";
    room_begins: "This is the beginning of the room.", "这是这个房间的开始。";
    nobody_wrote: "Nobody has written yet. The first word is yours.", "还没有人说话，由你开始吧。";
    jump_to_unread: "Go to the first new message", "跳到第一条新消息";
    jump_to_newest: "Jump to newest", "跳到最新";
    loading_older: "Loading older messages", "正在加载更早的消息";
    loading: "Loading", "正在加载";
    sending: "Sending", "正在发送";
    waiting: "Waiting to be sent", "等待发送";
    sent: "Sent", "已发送";
    delivered: "Delivered", "已送达";
    read: "Read", "已读";
    not_sent: "Not sent", "未发送";
    not_sent_because: "Not sent.", "未发送。";
    try_again: "Try again", "重试";
    edit: "Edit", "编辑";
    edited: "edited", "已编辑";
    message_deleted: "This message was deleted.", "这条消息已删除。";
    delete: "Delete", "删除";
    pin: "Pin message", "置顶消息";
    unpin: "Unpin message", "取消置顶";
    pinned: "Pinned", "已置顶";
    pinned_messages: "Pinned messages", "置顶消息";
    no_pins: "Nothing is pinned yet.", "还没有置顶消息。";
    no_pins_hint: "Nothing is pinned yet. Pin what everyone here should see.", "还没有置顶消息。可以置顶大家都需要看到的内容。";
    message_pinned: "Message pinned", "消息已置顶";
    message_unpinned: "Message unpinned", "已取消置顶";
    show_more: "Show more", "显示更多";
    copy_text: "Copy text", "复制文本";
    copied: "Copied", "已复制";
    nobody_read: "Nobody has read it yet", "还没有人读过";
    react: "React", "回应";
    deleting: "Deleting", "正在删除";
    delete_message: "Delete message", "删除消息";
    delete_hint: "It is deleted for everyone, with its reactions. This cannot be undone.", "将对所有人删除这条消息及其回应，无法撤销。";
    message_actions: "Message actions", "消息操作";

    // Composer.
    send: "Send", "发送";
    edit_message: "Edit message", "编辑消息";
    editing_message: "Editing message", "正在编辑消息";
    stop_editing: "Stop editing", "取消编辑";
    saving: "Saving …", "正在保存…";
    saving_away: "No connection. Your text is kept here and saved as soon as it is back.", "没有连接。你的内容保留在这里，恢复后自动保存。";
    edit_saved: "Saved", "已保存";
    edit_unfinished: "Save this text first, or step back.", "请先保存这段内容，或取消编辑。";
    edited_meanwhile: "Edited elsewhere meanwhile. It now says:", "刚在别处被编辑过，现在是：";
    deleted_meanwhile: "Deleted meanwhile. Your text is still here.", "消息已被删除，你的内容还在。";
    keep_as_new: "Keep as a new message", "保留为新消息";
    composer_hint: "Enter sends, Shift+Enter breaks the line", "Enter 发送，Shift+Enter 换行";

    // Connection.
    reconnecting: "Connecting again …", "正在重新连接…";
    no_connection: "No connection.", "没有连接。";
    kept_safe: "What you write is kept and sent as soon as it is back.", "你写的内容会保存，恢复后自动发送。";
    connect_now: "Try now", "立即重试";
    new_version: "Roost has been updated. Reload the page to go on; nothing is lost.", "Roost 已更新。请重新加载页面，内容不会丢失。";
    someone_else: "You signed in as someone else in another tab. Reload this one to go on.", "你在另一个标签页登录了其他账号。请重新加载此页面。";
    page_stopped: "This page has stopped working. Copy what you have just typed, then reload the page.", "页面已停止工作。请先复制刚输入的内容，再重新加载。";
    page_unloaded: "This page did not load completely. Reload it. Until then you can read and write here, but new messages appear only after a reload.", "页面未能完整加载，请重新加载。在此之前仍可阅读和发送，但需要刷新才能看到新消息。";
    page_unsupported: "This browser does not run WebAssembly, or has it switched off. You can read and write here, but new messages appear only after a reload.", "此浏览器不支持或关闭了 WebAssembly。仍可阅读和发送，但需要刷新才能看到新消息。";
    reload: "Reload", "重新加载";
    part_not_loaded: "This part of Roost could not be loaded. Check your connection and try again. If that does not help, reload the page: what you have written is kept.", "这部分内容未能加载。请检查网络后重试；如果仍然不行，请重新加载页面，你写的内容会保留。";
    too_many_connections: "Roost is open in too many places at once. Close some of them; this one tries again by itself.", "同时打开的 Roost 太多了。请关闭一些，这里会自动重试。";

    // Settings.
    appearance: "Appearance", "外观";
    language: "Language", "语言";
    theme: "Colours", "颜色";
    theme_system: "System", "跟随系统";
    theme_light: "Light", "浅色";
    theme_dark: "Dark", "深色";
    profile: "Profile", "个人资料";
    profile_saved: "Your name has been changed.", "显示名已修改。";
    account: "Account", "账号";
    change_password: "Change password", "修改密码";
    current_password: "Current password", "当前密码";
    new_password: "New password", "新密码";
    change_password_hint: "Every other device will be signed out.", "其他设备都会退出登录。";
    password_changed: "Your password is changed, and every other device is signed out.", "密码已修改，其他设备均已退出登录。";
    accounts: "People", "成员账号";
    accounts_hint: "Everyone with an account here.", "这里的所有账号。";
    accounts_more: "There are more people. Search to find one.", "还有更多账号，请搜索查找。";
    search: "Search", "搜索";
    administrator: "Administrator", "管理员";
    suspended: "Suspended", "已停用";
    manage: "Manage", "管理";
    new_password_link: "New password link", "新建密码链接";
    new_password_link_hint: "For who has forgotten theirs: by the link they set a new password, once, within 24 hours. Then every other device of theirs is signed out.", "用于忘记密码的人：对方可在 24 小时内用这个链接设置一次新密码，之后其他设备都会退出登录。";
    new_password_link_made: "Give them this link by a way that you trust. It is shown here only for ten minutes.", "请通过可靠的方式把链接交给对方。链接只在这里显示十分钟。";
    set_password: "Set password", "设置密码";
    suspend_hint: "They will be signed out everywhere at once, and cannot sign in until someone lets them in again. What they wrote stays, and so do their rooms.", "对方会立即在所有设备上退出登录，恢复之前无法再登录。其消息和房间都会保留。";
    let_in_again: "Let in again", "恢复";
    sessions: "Signed-in devices", "已登录的设备";
    sessions_hint: "End one that you do not know, or no longer use.", "结束你不认识或不再使用的登录。";
    this_device: "This device", "当前设备";
    end: "End", "结束";
    end_others: "End all others", "结束其他所有登录";
    invitations: "Invitations", "邀请";
    invitations_hint: "Everyone who has the link can make an account until it ends.", "持有链接的人在有效期内可以创建账号。";
    no_invitations: "There is no open invitation.", "目前没有有效的邀请。";
    new_invitation: "New invitation link", "新建邀请链接";
    invitation_hidden: "Link shown only when it was made", "链接只在创建时显示";
    copy_link: "Copy link", "复制链接";
    revoke: "Revoke", "撤销";
    connection: "Connection", "连接";
    server: "Server", "服务器";
    state: "State", "状态";
    connected: "Connected", "已连接";
    connecting: "Connecting", "正在连接";
    not_connected: "Not connected", "未连接";
    protocol_version: "Protocol version", "协议版本";
    keyboard_shortcuts: "Keyboard shortcuts", "键盘快捷键";
    needs_script: "Without JavaScript you can read and write here, but new messages appear only after a reload.", "没有 JavaScript 也可以阅读和发送，但需要刷新才能看到新消息。";

    // Keyboard.
    key_go: "Go to a room or person", "跳转到房间或人";
    key_next: "Next or previous room", "下一个或上一个房间";
    key_next_unread: "Next or previous unread room", "下一个或上一个未读房间";
    key_send: "Send", "发送";
    key_edit: "Edit your last message, from an empty box", "输入框为空时，编辑上一条消息";
    key_rows: "Go back to the messages, and through them", "回到消息列表并逐条浏览";
    key_break: "Break the line", "换行";
    key_back: "Close, or step back", "关闭或返回";
    key_newest: "Jump to the newest message", "跳到最新消息";
    key_details: "Show or hide details", "显示或隐藏详情";
    key_list: "Show this list", "显示本列表";
    key_compose: "Write", "开始输入";

    // Not found.
    not_found: "There is nothing here", "这里什么都没有";
    not_found_lead: "The address may be mistyped, or what it named is gone.", "地址可能有误，或者内容已不存在。";
    to_rooms: "To the rooms", "回到房间";

    // What one's own browser says.
    no_clipboard: "The browser does not allow copying. Select the text and copy it by hand.", "浏览器不允许复制，请手动选择并复制。";
    today: "Today", "今天";
    yesterday: "Yesterday", "昨天";
}
