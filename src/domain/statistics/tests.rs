use proptest::prelude::*;

use super::*;

fn shown(counts: &[i64]) -> (Vec<Option<i64>>, Option<i64>) {
    let groups = Groups::hiding_small(counts.iter().map(|count| ((), *count)).collect());
    (
        groups.groups.into_iter().map(|(_, count)| count).collect(),
        groups.total,
    )
}

#[test]
fn small_groups_are_hidden_and_so_is_what_would_tell_them() {
    type Row = (&'static [i64], &'static [Option<i64>], Option<i64>);
    let table: [Row; 13] = [
        (&[], &[], Some(0)),
        (&[0, 0], &[Some(0), Some(0)], Some(0)),
        (&[5, 9], &[Some(5), Some(9)], Some(14)),
        (&[4], &[None], None),
        // One alone would be the total less the others.
        (&[20, 4, 9], &[Some(20), None, None], Some(33)),
        (&[20, 4, 0], &[None, None, Some(0)], Some(24)),
        (&[20, 3, 4], &[Some(20), None, None], Some(27)),
        // Two that are one each are told by their sum.
        (&[20, 1, 1], &[None, None, None], Some(22)),
        (&[20, 9, 1, 1], &[Some(20), None, None, None], Some(31)),
        (&[1, 1], &[None, None], None),
        (&[1, 1, 1, 1, 1], &[None; 5], None),
        (&[1, 1, 1, 1, 2], &[None; 5], Some(6)),
        // Equals are hidden together.
        (&[7, 2, 7, 30], &[None, None, None, Some(30)], Some(46)),
    ];
    for (counts, groups, total) in table {
        assert_eq!(shown(counts), (groups.to_vec(), total), "{counts:?}");
    }
}

proptest! {
    /// Whatever is shown of small numbers, at least one other set of numbers would be shown the same for each hidden group.
    #[test]
    fn no_hidden_group_can_be_computed(counts in proptest::collection::vec(0i64..9, 1..5)) {
        let (groups, total) = shown(&counts);
        let hidden: Vec<usize> = (0..counts.len()).filter(|at| groups[*at].is_none()).collect();
        if let Some(total) = total {
            prop_assert_eq!(total, counts.iter().sum::<i64>());
        }
        for at in &hidden {
            // Give one of it to another hidden group, or take one: the totals stay, the number is another.
            let others = hidden.iter().filter(|other| *other != at);
            let is_ambiguous = total.is_none() || others.clone().any(|other| {
                [1, -1].into_iter().any(|step| counts[*at] + step > 0 && counts[*other] - step > 0)
            });
            prop_assert!(is_ambiguous, "{:?} {:?} {:?}", counts, groups, total);
        }
        for (count, group) in counts.iter().zip(&groups) {
            prop_assert!(group.is_none() || *count == 0 || *count >= SMALLEST);
        }
    }
}

fn count(day: i64, way: Way, outcome: Outcome, count: i64) -> DayCount {
    DayCount {
        day,
        way: Some(way),
        outcome,
        count,
    }
}

#[test]
fn a_report_sums_by_day_way_and_reason() {
    let counts = [
        count(10, Way::Sso, Outcome::SignedIn, 40),
        count(10, Way::OAuth, Outcome::SignedIn, 20),
        count(12, Way::Sso, Outcome::SignedIn, 8),
        count(12, Way::Sso, Outcome::NotAdmitted, 7),
        count(12, Way::Sso, Outcome::Throttled, 6),
        // Of another period.
        count(13, Way::Sso, Outcome::Throttled, 600),
    ];
    let report = Report::of(
        10,
        13,
        &counts[..5],
        vec![("a".into(), 68)],
        vec![("".into(), 60), ("b".into(), 8)],
    );
    assert_eq!(report.signed_in.groups, [(10, Some(60)), (11, Some(0)), (12, Some(8))]);
    assert_eq!(report.signed_in.total, Some(68));
    assert_eq!(report.refused.groups, [(10, Some(0)), (11, Some(0)), (12, Some(13))]);
    assert_eq!(
        report.ways.groups,
        [(Some(Way::Sso), Some(48)), (Some(Way::OAuth), Some(20))]
    );
    assert_eq!(
        report.reasons.groups,
        [(Outcome::NotAdmitted, Some(7)), (Outcome::Throttled, Some(6))]
    );
    assert_eq!(report.administrations.groups[1], ("b".to_owned(), Some(8)));
}

#[test]
fn what_one_table_hides_no_other_tells() {
    // Five days of one each are told by their total, so the total must not stand anywhere.
    let counts: Vec<_> = (0..5).map(|day| count(day, Way::Sso, Outcome::SignedIn, 1)).collect();
    let report = Report::of(0, 7, &counts, vec![("a".into(), 5)], vec![("b".into(), 5)]);
    assert_eq!(report.signed_in.total, None);
    assert_eq!(report.ways.groups, [(Some(Way::Sso), None)]);
    assert_eq!((report.clients.total, report.administrations.total), (None, None));
    assert!(report.clients.groups.iter().all(|(_, count)| count.is_none()));
    assert_eq!(
        report.refused.total,
        Some(0),
        "nothing was refused, and that may be said"
    );
}

#[test]
fn every_end_counts_as_what_it_is() {
    assert!(
        Outcome::ALL
            .iter()
            .all(|outcome| Outcome::parse(outcome.as_str()) == Some(*outcome))
    );
    assert_eq!(Outcome::of_problem(LoginProblem::LoginLoop), None);
    assert_eq!(Outcome::of_problem(LoginProblem::Locked), Some(Outcome::AccountEnded));
    assert_eq!(Outcome::of_denial(Denial::LoginRequired), None);
    assert_eq!(
        Outcome::of_denial(Denial::Admission(Refusal::Closed)),
        Some(Outcome::AccountEnded)
    );
    assert_eq!(
        Outcome::of_denial(Denial::Admission(Refusal::Guest)),
        Some(Outcome::NotAdmitted)
    );
}
