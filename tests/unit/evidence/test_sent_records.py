"""Records that are sent from one process to another are what they were, and share what is the same in all of them."""

import pickle

from onbox.evidence.records import OwnerValues


def test_a_record_is_what_it_was() -> None:
    record = OwnerValues(must_see=True)
    sent = pickle.loads(pickle.dumps(record))
    assert sent == record
    assert sent.model_dump(exclude_unset=True) == {"must_see": True}
    assert hash(sent) == hash(record)


def test_which_fields_were_set_is_one_object_for_records_that_are_alike() -> None:
    one, other = (pickle.loads(pickle.dumps(OwnerValues(must_see=each))) for each in (True, False))
    unlike = pickle.loads(pickle.dumps(OwnerValues(context_tokens=1)))
    assert one.model_fields_set is other.model_fields_set
    assert unlike.model_fields_set == {"context_tokens"}


def test_a_changed_copy_of_one_changes_no_other() -> None:
    one, other = (pickle.loads(pickle.dumps(OwnerValues(must_see=True))) for _ in range(2))
    copy = one.model_copy(update={"context_tokens": 4096})
    assert copy.model_fields_set == {"must_see", "context_tokens"}
    assert other.model_fields_set == one.model_fields_set == {"must_see"}
