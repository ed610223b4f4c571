//! Members as a person pastes them: one in a line, `10.0.0.11:80`, with a weight behind it where it is not 1.

use std::net::{IpAddr, SocketAddr};

use ballast_proto::v2::Member;

/// Members of all lines, or what is wrong with each line that is none. A line that is there twice is one member.
pub(crate) fn members(text: &str) -> Result<Vec<Member>, String> {
    let (mut members, mut wrong): (Vec<Member>, Vec<String>) = (Vec::new(), Vec::new());
    for (at, line) in text.split(['\n', ',']).enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        match member(line.trim()) {
            Ok(one) if members.contains(&one) => {}
            Ok(one) if members.iter().any(|known| socket(known) == socket(&one)) => {
                wrong.push(format!("line {}: \"{}\" is there twice, with two weights", at + 1, line.trim()));
            }
            Ok(one) => members.push(one),
            Err(why) => wrong.push(format!("line {}: \"{}\" {why}", at + 1, line.trim())),
        }
    }
    if wrong.is_empty() { Ok(members) } else { Err(wrong.join("; ")) }
}

fn socket(one: &Member) -> (&str, Option<i32>) {
    (&one.address, one.protocol_port)
}

fn member(line: &str) -> Result<Member, String> {
    let mut words = line.split_whitespace();
    let (Some(socket), weight, None) = (words.next(), words.next(), words.next()) else {
        return Err("has more than an address with its port, and a weight".to_owned());
    };
    let (address, port) = read_socket(socket)?;
    let weight = weight.map(|word| {
        let number = word.trim_start_matches(['w', 'W', '=']);
        number.parse().map_err(|_| format!("has the weight \"{word}\", which is no whole number"))
    });
    Ok(Member {
        address,
        protocol_port: Some(i32::from(port)),
        weight: weight.transpose()?.or(Some(1)),
        ..Member::default()
    })
}

/// The address stays as it was written.
fn read_socket(text: &str) -> Result<(String, u16), String> {
    if text.parse::<IpAddr>().is_ok() {
        return Err("has no port: write 10.0.0.11:80 or [2001:db8::11]:80".to_owned());
    }
    let parsed = text.parse::<SocketAddr>();
    let socket = parsed.map_err(|_| "is no address with a port, as 10.0.0.11:80 or [2001:db8::11]:80".to_owned())?;
    let address = text.rsplit_once(':').map(|(address, _)| address.trim_matches(['[', ']']).to_owned());
    match socket.port() {
        0 => Err("has the port 0".to_owned()),
        port => Ok((address.unwrap_or_default(), port)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_a_member() {
        let found = members("10.0.0.11:80\r\n\n 10.0.0.12:8080 w2 \n[2001:db8::1]:80 0, 10.0.0.11:80").unwrap();
        let shown: Vec<_> = found.iter().map(|one| (one.address.as_str(), one.protocol_port, one.weight)).collect();
        assert_eq!(
            shown,
            [("10.0.0.11", Some(80), Some(1)), ("10.0.0.12", Some(8080), Some(2)), ("2001:db8::1", Some(80), Some(0)),]
        );
        assert_eq!(members(" \n"), Ok(Vec::new()));
    }

    #[test]
    fn each_line_is_judged_by_itself() {
        let why = members("10.0.0.11\n10.0.0.12:80\nnonsense\n10.0.0.13:80 x\n10.0.0.14:0\n10.0.0.12:80 5\na b c")
            .unwrap_err();
        for part in [
            "line 1: \"10.0.0.11\" has no port",
            "line 3: \"nonsense\" is no address",
            "line 4: \"10.0.0.13:80 x\" has the weight \"x\"",
            "line 5: \"10.0.0.14:0\" has the port 0",
            "line 6: \"10.0.0.12:80 5\" is there twice",
            "line 7: \"a b c\" has more",
        ] {
            assert!(why.contains(part), "{part} is not in {why}");
        }
        assert!(!why.contains("line 2"), "{why}");
    }
}
