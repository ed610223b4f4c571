//! What a load balancer answers itself, at port 80: that it has a domain, to a CA that asks (RFC 8555, 8.3).

use super::LoadBalancer;
use crate::{
    ids::{CertificateId, ListenerId},
    listener::{Listener, Protocol},
};

/// Where a CA asks (RFC 8555, 8.3).
const PORT: u16 = 80;

/// An answer to a GET of a path.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct HttpAnswer {
    /// For which it is.
    pub certificate_id: CertificateId,
    pub path: String,
    pub content: String,
}

/// Why a load balancer cannot answer itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speechless {
    NoAddress,
    Disabled,
    /// What listens at port 80 does not see requests.
    Occupied {
        listener_id: ListenerId,
        protocol: Protocol,
    },
}

impl LoadBalancer {
    /// What it answers for a certificate, in the place of what it did. What is the same changes nothing.
    #[must_use]
    pub fn answering_for(mut self, certificate_id: CertificateId, answers: &[HttpAnswer]) -> Self {
        let others = self.http_answers.iter().filter(|one| one.certificate_id != certificate_id);
        let after: Vec<HttpAnswer> = others.chain(answers).cloned().collect();
        if after != self.http_answers {
            self.grow();
            self.http_answers = after;
        }
        self
    }

    /// Why nobody who asks at port 80 would be answered; none: he would.
    #[must_use]
    pub fn is_speechless(&self) -> Option<Speechless> {
        if self.vip.is_none() {
            return Some(Speechless::NoAddress);
        }
        if !self.admin_state_up {
            return Some(Speechless::Disabled);
        }
        let is_there = |listener: &&Listener| {
            listener.admin_state_up
                && listener.protocol_port == PORT
                && listener.protocol.layer4() == Protocol::Tcp
                && !matches!(listener.protocol, Protocol::Http | Protocol::Prometheus)
        };
        let occupied = self.listeners.iter().find(is_there);
        occupied.map(|one| Speechless::Occupied { listener_id: one.id, protocol: one.protocol })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load_balancer::tests::{load_balancer, vip};

    fn answer(certificate: u128, path: &str) -> HttpAnswer {
        let (path, content) = (path.to_owned(), format!("{path}.x"));
        HttpAnswer { certificate_id: CertificateId::from_u128(certificate), path, content }
    }

    #[test]
    fn answers_come_and_go_for_each_certificate_and_each_change_is_a_generation() {
        let before = load_balancer();
        let (first, second) = (CertificateId::from_u128(1), CertificateId::from_u128(2));
        let one = before.clone().answering_for(first, &[answer(1, "/a"), answer(1, "/b")]);
        assert_eq!((one.generation, one.http_answers.len()), (before.generation.next(), 2));
        let both = one.clone().answering_for(second, &[answer(2, "/c")]);
        assert_eq!(both.generation, one.generation.next());
        let again = both.clone().answering_for(second, &[answer(2, "/c")]);
        assert_eq!(again, both);
        let left = both.answering_for(first, &[]);
        assert_eq!(left.http_answers, [answer(2, "/c")]);
        assert_eq!(left.clone().answering_for(first, &[]), left);
    }

    #[test]
    fn who_does_not_see_requests_at_port_80_cannot_answer() {
        let nowhere = load_balancer();
        assert_eq!(nowhere.is_speechless(), Some(Speechless::NoAddress));
        let mut one = nowhere.add_vip(vip(3)).unwrap();
        assert_eq!(one.is_speechless(), None);
        let mut with = |protocol, port, up| {
            for listener in one.listeners.iter_mut() {
                (listener.protocol, listener.protocol_port, listener.admin_state_up) = (protocol, port, up);
            }
            one.is_speechless()
        };
        let listener_id = vip(3).id;
        for protocol in [Protocol::Tcp, Protocol::Https, Protocol::TerminatedHttps] {
            assert_eq!(with(protocol, 80, true), Some(Speechless::Occupied { listener_id, protocol }));
            assert_eq!((with(protocol, 80, false), with(protocol, 443, true)), (None, None));
        }
        for protocol in [Protocol::Http, Protocol::Prometheus, Protocol::Udp, Protocol::Sctp] {
            assert_eq!(with(protocol, 80, true), None);
        }
        one.admin_state_up = false;
        assert_eq!(one.is_speechless(), Some(Speechless::Disabled));
    }
}
