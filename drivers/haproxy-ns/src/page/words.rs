//! What a tenant writes as words of haproxy's configuration.

/// One word of haproxy's configuration. Within `'` nothing means anything but the next `'`, which can be written outside
/// only.
pub(super) fn quoted(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!&()*+,;=:@/?%".contains(&byte);
    if text.bytes().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

pub(super) fn status_list(codes: &[(u16, u16)]) -> String {
    let one = |(first, last): &(u16, u16)| {
        if first == last { first.to_string() } else { format!("{first}-{last}") }
    };
    codes.iter().map(one).collect::<Vec<_>>().join(",")
}
