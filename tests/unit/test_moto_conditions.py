import pytest

from modelyard_sandbox.moto_extensions.conditions import met

CARRIED = {"aws:securetransport": "true", "s3:tlsversion": "1.3", "s3:prefix": "events/day=1"}


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({"Bool": {"aws:SecureTransport": "false"}}, False),
        ({"Bool": {"aws:SecureTransport": "true"}}, True),
        ({"NumericLessThan": {"s3:TlsVersion": "1.2"}}, False),
        ({"StringLike": {"s3:prefix": ["labels/*", "events/*"]}}, True),
        ({"StringLike": {"s3:prefix": ["labels/*"]}}, False),
        ({"StringEquals": {"s3:prefix": "events/*"}}, False),
        ({"Null": {"s3:x-amz-server-side-encryption": "false"}}, False),
        ({"Null": {"s3:x-amz-server-side-encryption": "true"}}, True),
        ({"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}}, True),
        ({"StringEqualsIfExists": {"aws:PrincipalTag/team": "fraud"}}, True),
        ({"StringEquals": {"aws:PrincipalTag/team": "fraud"}}, False),
        ({"StringNotLike": {"s3:prefix": "events/*"}}, False),
        ({"DateLessThan": {"aws:CurrentTime": "2030-01-01"}}, False),
        ({"Bool": {"aws:SecureTransport": "true"}, "StringLike": {"s3:prefix": "labels/*"}}, False),
    ],
)
def test_conditions_are_met_as_iam_meets_them(conditions: dict, expected: bool):
    assert met(conditions, CARRIED) is expected
