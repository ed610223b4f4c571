//! How it stands with certificates.

use crate::{Entry, Kind, Next};

const fn entry(word: &'static str, meaning: &'static str, next: (Next, &'static str, &'static str)) -> Entry {
    let (next, at_most, todo) = next;
    Entry { kind: Kind::Certificate, word, meaning, next, at_most, todo }
}

pub(crate) const ALL: &[Entry] = &[
    entry("VALID", "It can be used now, and for two weeks at least.", (Next::Nobody, "", "")),
    entry(
        "ENDS_SOON",
        "It ends within 14 days. Until then nothing changes.",
        (
            Next::You,
            "",
            "Rotate it: give it a new certificate with its key. What uses it gets that by itself, and no connection ends.",
        ),
    ),
    entry(
        "EXPIRED",
        "It has ended. It is served on, and clients refuse it.",
        (Next::You, "", "Rotate it. What is in a Barbican is put anew there, and looked at."),
    ),
    entry(
        "NOT_YET_VALID",
        "Its time has not come yet. Until then clients refuse it.",
        (Next::You, "", "Wait, or rotate it to one that is valid."),
    ),
    entry(
        "NOT_ISSUED",
        "It is to be issued by ACME, and never was. Nobody can be served by it yet; all else is.",
        (
            Next::Ballast,
            "15 s if nothing is wrong; after a failure it is tried again after 5 minutes, later after up to 6 hours",
            "Its page says what it waits for, or why it failed: its names have to lead to a load balancer whose listener names \
             it.",
        ),
    ),
    entry("RENEWING", "It serves, and the next one is being issued.", (Next::Ballast, "15 s if nothing is wrong", "")),
    entry(
        "NOT_RENEWED",
        "It serves, and the last attempt to renew it failed.",
        (
            Next::You,
            "",
            "Mend what its page names before it ends. It is tried again by itself, after 5 minutes, later after up to 6 hours.",
        ),
    ),
    entry(
        "REFUSED",
        "What is there now, where it is kept, is not taken. What was there before is served on.",
        (Next::You, "", "Mend what its page names where it is kept, and look again."),
    ),
    entry("UNKNOWN", "It is not known what is behind it, or when it ends.", (Next::Nobody, "", "")),
];
