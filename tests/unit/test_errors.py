from modelyard.core.errors import Fault, Source, SpecError


def test_a_fault_names_file_line_path_value_and_remedy():
    fault = Fault(
        "must be 1 or more",
        'Use 1 or more, or remove "training".',
        Source("stacks/teams/fraud.yaml", "training.max_nodes", 12, 5),
        0,
    )
    assert str(fault) == (
        "stacks/teams/fraud.yaml:12:5: training.max_nodes: got 0; must be 1 or more. "
        'Use 1 or more, or remove "training".'
    )


def test_an_error_reports_all_its_faults_at_once():
    error = SpecError(Fault("a is wrong", "Mend a."), Fault("b is wrong", "Mend b."))
    assert str(error).splitlines() == ["a is wrong. Mend a.", "b is wrong. Mend b."]
