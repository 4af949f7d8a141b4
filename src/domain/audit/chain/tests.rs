use super::super::{Action, Actor, Event, ObjectKind};
use super::*;

const DAY: i64 = 86_400;
const FIRST: i64 = 20_000;

fn event(action: Action, detail: serde_json::Value) -> Event {
    Event {
        actor: Actor::Agent("jean".to_owned()),
        action,
        object: (ObjectKind::Client, "demarches".to_owned()),
        detail,
    }
}

fn none() -> Ends {
    Ends {
        head: Link {
            day: 0,
            number: 0,
            hash: String::new(),
        },
        purged_day: 0,
        purged_hash: String::new(),
    }
}

/// Appends `count` acts on each of these days.
fn grown(days: &[i64], count: i64) -> (Vec<Entry>, Ends) {
    let mut ends = none();
    let mut acts = Vec::new();
    for day in days {
        for at in 0..count {
            let act = Entry::new(String::new(), day * DAY + at, &event(Action::ClientChanged, at.into()));
            append(&mut acts, &mut ends, act);
        }
    }
    (acts, ends)
}

fn append(acts: &mut Vec<Entry>, ends: &mut Ends, act: Entry) {
    let act = next(act, &ends.head);
    ends.head = act.link.clone().unwrap();
    acts.push(act);
}

fn walked(acts: &[Entry], ends: &Ends, known: &[Link]) -> Vec<Finding> {
    let mut walk = Walk::new(ends.clone(), known.to_vec());
    acts.iter().for_each(|act| walk.step(act));
    walk.finish(&ends.head).findings
}

fn rehash(acts: &mut [Entry], mut previous: String) -> String {
    for act in acts {
        let link = act.link.clone().unwrap();
        previous = hash(act, link.day, link.number, &previous);
        act.link = Some(Link {
            hash: previous.clone(),
            ..link
        });
    }
    previous
}

#[test]
fn an_untouched_chain_is_sound_over_days_and_gaps() {
    assert_eq!(walked(&[], &none(), &[]), []);
    let (acts, ends) = grown(&[FIRST, FIRST + 1, FIRST + 40], 3);
    let mut walk = Walk::new(ends.clone(), Vec::new());
    acts.iter().for_each(|act| walk.step(act));
    let report = walk.finish(&ends.head);
    assert_eq!((report.findings, report.acts), (Vec::new(), 9));
    let days: Vec<_> = report.days.iter().map(Link::place).collect();
    assert_eq!(days, ["2024-10-04/3", "2024-10-05/3", "2024-11-13/3"]);
}

#[test]
fn whatever_is_changed_shows() {
    let changes: [fn(&mut Entry); 10] = [
        |act| act.at += 1,
        |act| act.id.push('0'),
        |act| act.class = "security".to_owned(),
        |act| act.action = "client.deleted".to_owned(),
        |act| act.actor_kind = "client".to_owned(),
        |act| act.actor_id = "marie".to_owned(),
        |act| act.object_kind = "agent".to_owned(),
        |act| act.object_id.clear(),
        |act| act.detail = "9".to_owned(),
        // What moves from one field to the next is no other text of the same sum.
        |act| {
            act.object_id.insert(0, 't');
            act.object_kind.pop();
        },
    ];
    let (acts, ends) = grown(&[FIRST, FIRST + 1], 3);
    for at in 0..acts.len() {
        for change in changes {
            let mut changed = acts.clone();
            change(&mut changed[at]);
            let link = acts[at].link.as_ref().unwrap();
            let (day, number) = (link.day, link.number);
            assert_eq!(walked(&changed, &ends, &[]), [Finding::Broken { day, number }]);
        }
    }
}

#[test]
fn whatever_is_removed_shows() {
    let (acts, ends) = grown(&[FIRST, FIRST + 1, FIRST + 2], 3);
    let without = |range: std::ops::Range<usize>| {
        let mut rest = acts.clone();
        rest.drain(range);
        walked(&rest, &ends, &[])
    };
    let broken = |day, number| Finding::Broken { day, number };
    let missing = |day, from, to| Finding::Missing { day, from, to };
    assert_eq!(without(4..5), [missing(FIRST + 1, 2, 2)], "in the middle of a day");
    assert_eq!(without(3..5), [missing(FIRST + 1, 1, 2)], "at its beginning");
    assert_eq!(without(5..6), [broken(FIRST + 2, 1)], "at its end");
    assert_eq!(without(3..6), [broken(FIRST + 2, 1)], "all of a day");
    assert_eq!(without(0..3), [broken(FIRST + 1, 1)], "the first day");
    let end = Finding::WrongEnd {
        day: FIRST + 2,
        number: 3,
    };
    assert_eq!(without(8..9), [end], "the newest");
    assert_eq!(without(6..9), [end], "the newest day");
    assert_eq!(without(0..9), [end], "everything");
}

#[test]
fn swapped_acts_and_forged_days_show() {
    let (acts, ends) = grown(&[FIRST, FIRST + 1, FIRST + 3], 3);
    let mut swapped = acts.clone();
    let (first, second) = (acts[3].link.clone(), acts[4].link.clone());
    swapped.swap(3, 4);
    (swapped[3].link, swapped[4].link) = (first, second);
    assert_eq!(walked(&swapped, &ends, &[]).len(), 2);

    // A day that nobody wrote, sound in itself.
    let mut forged = acts[..6].to_vec();
    let mut forged_ends = Ends {
        head: acts[5].link.clone().unwrap(),
        ..none()
    };
    let act = Entry::new(
        String::new(),
        (FIRST + 2) * DAY,
        &event(Action::ClientDeleted, 0.into()),
    );
    append(&mut forged, &mut forged_ends, act);
    forged.extend_from_slice(&acts[6..]);
    let broken = Finding::Broken {
        day: FIRST + 3,
        number: 1,
    };
    assert_eq!(walked(&forged, &ends, &[]), [broken]);

    // Whoever can write everything makes everything sound again: but not what stands in the log or with the auditor.
    let mut rewritten = acts.clone();
    rewritten[4].detail = "\"forged\"".to_owned();
    let hash = rehash(&mut rewritten, String::new());
    let rewritten_ends = Ends {
        head: Link {
            hash,
            ..ends.head.clone()
        },
        ..ends.clone()
    };
    assert_eq!(walked(&rewritten, &rewritten_ends, &[]), []);
    let known = acts[5].link.clone().unwrap();
    let unlike = Finding::Unlike {
        day: FIRST + 1,
        number: 3,
    };
    assert_eq!(
        walked(&rewritten, &rewritten_ends, std::slice::from_ref(&known)),
        [unlike]
    );
    assert_eq!(walked(&acts, &ends, std::slice::from_ref(&known)), []);
    assert_eq!(walked(&[], &none(), &[known]), [unlike]);
}

#[test]
fn days_that_were_purged_leave_the_rest_sound_and_only_those() {
    let (mut acts, mut ends) = grown(&[FIRST, FIRST + 1, FIRST + 2], 3);
    let purge = |acts: &mut Vec<Entry>, ends: &mut Ends, day: i64| {
        let last = acts.iter().rfind(|act| act.link.as_ref().unwrap().day <= day).unwrap();
        let last = last.link.clone().unwrap();
        let detail = purge_detail(last.day, &last.hash);
        let act = Entry::new(
            String::new(),
            (FIRST + 2) * DAY + 50,
            &event(Action::AuditPurged, detail),
        );
        append(acts, ends, act);
        (ends.purged_day, ends.purged_hash) = (last.day, last.hash);
        acts.retain(|act| act.link.as_ref().unwrap().day > day);
    };
    let all = acts.clone();
    purge(&mut acts, &mut ends, FIRST);
    assert_eq!(walked(&acts, &ends, &[]), []);
    assert_eq!(
        walked(&acts, &ends, &[all[0].link.clone().unwrap()]),
        [],
        "nothing is known of it"
    );
    purge(&mut acts, &mut ends, FIRST + 1);
    assert_eq!(walked(&acts, &ends, &[]), []);

    let forged = Ends {
        purged_hash: all[8].link.clone().unwrap().hash,
        purged_day: FIRST + 2,
        ..ends.clone()
    };
    let beginning = Finding::WrongBeginning { day: FIRST + 2 };
    assert!(walked(&acts[..0], &forged, &[]).contains(&beginning));
    let never = Ends {
        purged_day: 0,
        purged_hash: String::new(),
        ..ends.clone()
    };
    assert!(walked(&acts, &never, &[]).contains(&Finding::WrongBeginning { day: 0 }));
    let mut removed = acts.clone();
    removed.remove(0);
    assert_eq!(walked(&removed, &ends, &[]).len(), 1);
}

#[test]
fn the_day_never_goes_back() {
    let head = Link {
        day: FIRST,
        number: 7,
        hash: "h".to_owned(),
    };
    let late = Entry::new(String::new(), FIRST * DAY - 2, &event(Action::ClientChanged, 0.into()));
    let act = next(late, &head);
    let link = act.link.unwrap();
    assert_eq!((link.day, link.number, act.at), (FIRST, 8, FIRST * DAY - 2));
}

#[test]
fn the_hash_is_what_the_manual_says() {
    // printf '%s' LINE | openssl dgst -sha256 -binary | basenc --base64url | tr -d =
    let act = Entry::new(
        "020000.00000001".to_owned(),
        FIRST * DAY,
        &event(Action::ClientChanged, "é\"".into()),
    );
    assert_eq!(
        hash(&act, FIRST, 1, ""),
        fingerprint(
            r#"[20000,1,1728000000,"020000.00000001","administrative","client.changed","agent","jean","client","demarches","\"é\\\"\"",""]"#
        )
    );
}
