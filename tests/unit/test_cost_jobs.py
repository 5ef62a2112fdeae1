"""What jobs and machines cost: as often as schedules start them, as long as they may take, from least to most."""

from __future__ import annotations

import json
from typing import Any

import pytest

from modelyard.assess.cost.bill import HOURS, Bill
from modelyard.assess.cost.prices import SPOT, Price, PriceTable, Quality, shipped
from modelyard.assess.cost.pricing import bill_of
from modelyard.assess.graph.values import UNKNOWN
from modelyard.assess.policy.examples import Of, Part, graph_of, part
from modelyard.assess.policy.subject import Stack, Surroundings
from modelyard.blueprints import Range, UsageSpec

REGION = "eu-west-1"
MACHINE = "aws:sfn/stateMachine:StateMachine"
SCHEDULE = "aws:scheduler/schedule:Schedule"
RULE, TARGET = "aws:cloudwatch/eventRule:EventRule", "aws:cloudwatch/eventTarget:EventTarget"
PIPELINE = "aws:sagemaker/pipeline:Pipeline"
MONITORING = "aws:sagemaker/monitoringSchedule:MonitoringSchedule"
DEFINITION = "aws:sagemaker/dataQualityJobDefinition:DataQualityJobDefinition"
NODES = "aws:eks/nodeGroup:NodeGroup"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
NONE = Range(low=0, high=0)
TWO_HOURS = Range(low=1, high=2)
USAGE = UsageSpec(job_hours=TWO_HOURS, started_runs=NONE, transitions_k=NONE)


def bill(*parts: Part, usage: UsageSpec = USAGE) -> Bill:
    return bill_of(Stack(graph_of(parts), Surroundings(region=REGION, usage=usage)))


def usd(service: str, item: str, kind: str = "on-demand") -> float:
    price = shipped().get(service, item, REGION, kind)
    assert price is not None
    return price.usd


def costs(found: Bill, service: str) -> tuple[float, float]:
    lines = [line for line in found.lines if line.what.startswith(f"{service}:")]
    return sum(line.low for line in lines), sum(line.high for line in lines)


def cluster(kind: str = "ml.m5.large", count: Any = 1) -> dict[str, Any]:
    return {"InstanceType": kind, "InstanceCount": count, "VolumeSizeInGB": 30}


def processing(limit: int | None = None, **machines: Any) -> dict[str, Any]:
    said: dict[str, Any] = {"ProcessingResources": {"ClusterConfig": cluster(**machines)}}
    return {**said, "StoppingCondition": {"MaxRuntimeInSeconds": limit}} if limit else said


def job(what: str, **said: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": f"arn:aws:states:::sagemaker:create{what}Job.sync", "Parameters": said}


def machine(name: str, *states: dict[str, Any], **options: Any) -> Part:
    definition = {"StartAt": "S0", "States": {f"S{index}": state for index, state in enumerate(states)}}
    return part(MACHINE, name, definition=json.dumps(definition), **options)


def clock(target: str, expression: str = "rate(1 day)", **options: Any) -> Part:
    schedule = {"scheduleExpression": expression, "target": {"arn": Of(target, "arn")}, **options}
    return part(SCHEDULE, f"{target}-clock", **schedule)


HOUR = usd("sagemaker-processing", "ml.m5.large")


class TestJobs:
    def test_cost_as_often_as_their_schedule_starts_them(self):
        found = bill(machine("m", job("Processing", **processing())), clock("m"))
        assert costs(found, "sagemaker-processing") == (pytest.approx(31 * HOUR), pytest.approx(62 * HOUR))
        (line,) = (line for line in found.lines if "processing" in line.what)
        assert line.assumes == "31 to 31 runs of 1 to 2 hours on 1"

    def test_take_no_longer_than_they_may(self):
        found = bill(machine("m", job("Processing", **processing(limit=1800))), clock("m"))
        assert costs(found, "sagemaker-processing") == (pytest.approx(15.5 * HOUR), pytest.approx(15.5 * HOUR))

    def test_run_on_several_machines_at_once(self):
        found = bill(machine("m", job("Processing", **processing(count=3))), clock("m", "cron(0 4 1 * ? *)"))
        assert costs(found, "sagemaker-processing")[0] == pytest.approx(3 * HOUR)

    def test_of_each_kind_have_their_own_price(self):
        training = job("Training", ResourceConfig=cluster("ml.g5.xlarge"))
        transform = job("Transform", TransformResources=cluster())
        found = bill(machine("m", training, transform), clock("m", "cron(0 4 1 * ? *)"))
        assert costs(found, "sagemaker-training")[0] == pytest.approx(usd("sagemaker-training", "ml.g5.xlarge"))
        assert costs(found, "sagemaker-hosting")[0] == pytest.approx(usd("sagemaker-hosting", "ml.m5.large"))

    def test_are_started_by_people_and_events_too(self):
        usage = UsageSpec(job_hours=TWO_HOURS, started_runs=Range(low=0, high=5), transitions_k=NONE)
        found = bill(machine("m", job("Processing", **processing())), usage=usage)
        assert costs(found, "sagemaker-processing") == (0, pytest.approx(10 * HOUR))

    def test_a_loop_that_starts_a_pipeline_makes_it_run_as_often(self):
        start = {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:sfn:startExecution"}
        loop = machine("loop", {**start, "Parameters": {"StateMachineArn": "arn:example:m"}})
        found = bill(machine("m", job("Processing", **processing())), loop, clock("loop", "cron(0 4 1 * ? *)"))
        assert costs(found, "sagemaker-processing")[0] == pytest.approx(HOUR)

    def test_a_schedule_that_is_off_starts_nothing(self):
        found = bill(machine("m", job("Processing", **processing())), clock("m", state="DISABLED"))
        assert costs(found, "sagemaker-processing") == (0, 0)

    def test_rules_with_a_clock_count_as_schedules_do(self):
        rule = part(RULE, "nightly", scheduleExpression="rate(1 day)")
        target = part(TARGET, "t", rule=Of("nightly"), arn=Of("m", "arn"))
        found = bill(machine("m", job("Processing", **processing())), rule, target)
        assert costs(found, "sagemaker-processing")[0] == pytest.approx(31 * HOUR)

    def test_of_a_sagemaker_pipeline_are_counted_alike(self):
        step = {"Name": "s", "Type": "Processing", "Arguments": processing()}
        pipeline = part(PIPELINE, "p", pipelineDefinition=json.dumps({"Steps": [step]}))
        assert costs(bill(pipeline, clock("p")), "sagemaker-processing")[0] == pytest.approx(31 * HOUR)

    @pytest.mark.parametrize(
        ("parts", "what"),
        [
            ([machine("m", job("Processing", **processing())), clock("m", "cron(0 4 L * ? *)")], "sagemaker: jobs"),
            ([machine("m", job("HyperParameterTuning", TrainingJobDefinition={})), clock("m")], "sagemaker: tuning"),
            ([machine("m", job("Training", **{"ResourceConfig.$": "$.c"})), clock("m")], "sagemaker: training"),
            ([part(MACHINE, "m", definition=UNKNOWN)], MACHINE),
        ],
    )
    def test_what_only_the_run_tells_is_unknown(self, parts: list[Part], what: str):
        assert what in {each.what for each in bill(*parts).unknown}

    def test_of_a_monitoring_schedule_are_those_of_the_definition_that_it_names(self):
        config = {"instanceType": "ml.m5.large", "instanceCount": 1, "volumeSizeInGb": 20}
        definition = part(DEFINITION, "d", name="drift", jobResources={"clusterConfig": config}, stoppingCondition={})
        said = {
            "monitoringJobDefinitionName": "drift",
            "monitoringType": "DataQuality",
            "scheduleConfig": {"scheduleExpression": "cron(0 0 ? * * *)"},
        }
        found = bill(definition, part(MONITORING, "s", monitoringScheduleConfig=said))
        assert costs(found, "sagemaker-processing")[0] == pytest.approx(31 * HOUR)
        alone = bill(part(MONITORING, "s", monitoringScheduleConfig=said))
        assert [each.what for each in alone.unknown] == ["sagemaker: monitoring"]

    def test_rules_of_data_quality_run_on_glues_workers(self):
        state = {
            "Type": "Task",
            "Resource": "arn:aws:states:::aws-sdk:glue:startDataQualityRulesetEvaluationRun",
            "Parameters": {"NumberOfWorkers": 2, "Timeout": 60},
        }
        found = bill(machine("m", state), clock("m"))
        assert costs(found, "glue") == (pytest.approx(62 * usd("glue", "etl job")),) * 2


class TestWhatRests:
    SERVER = "aws:sagemaker/mlflowTrackingServer:MlflowTrackingServer"

    def switch(self, call: str, expression: str, name: str = "exp") -> Part:
        target = {
            "arn": f"arn:aws:scheduler:::aws-sdk:sagemaker:{call}MlflowTrackingServer",
            "input": json.dumps({"TrackingServerName": name}),
        }
        return part(SCHEDULE, f"{call}-it", scheduleExpression=expression, target=target)

    def weekly(self, *switches: Part) -> float:
        found = bill(part(self.SERVER, "s", trackingServerName="exp", trackingServerSize="Small"), *switches)
        (line,) = (line for line in found.lines if "tracking server" in line.what)
        return line.high / usd("sagemaker", "mlflow tracking server Small") / HOURS * 168

    def test_costs_the_hours_between_its_start_and_its_stop(self):
        assert self.weekly() == pytest.approx(168)
        start, stop = "cron(30 7 ? * MON-FRI *)", "cron(0 20 ? * MON-FRI *)"
        assert self.weekly(self.switch("start", start), self.switch("stop", stop)) == pytest.approx(5 * 12.5)
        start, stop = "cron(0 22 * * ? *)", "cron(0 6 * * ? *)"
        assert self.weekly(self.switch("start", start), self.switch("stop", stop)) == pytest.approx(7 * 8), "at night"

    def test_costs_all_hours_where_nothing_starts_and_stops_it_by_the_day(self):
        stop = self.switch("stop", "cron(0 20 * * ? *)")
        assert self.weekly(stop) == pytest.approx(168), "who stops it for good isn't in the files"
        other = self.switch("start", "cron(0 7 * * ? *)", "another")
        assert self.weekly(stop, other) == pytest.approx(168)
        assert self.weekly(stop, self.switch("start", "rate(1 day)")) == pytest.approx(168)


class TestMachines:
    def test_a_cluster_costs_its_control_plane(self):
        found = bill(part("aws:eks/cluster:Cluster", "c", roleArn="r", vpcConfig={}))
        assert found.high == pytest.approx(HOURS * usd("eks", "cluster standard support"))

    def test_a_group_of_nodes_costs_from_its_least_to_its_most_with_their_disks(self):
        group = {"scalingConfig": {"minSize": 1, "maxSize": 3, "desiredSize": 1}, "instanceTypes": ["g5.xlarge"]}
        found = bill(part(NODES, "gpus", diskSize=100, **group))
        hour, disk = usd("ec2", "g5.xlarge"), 100 * usd("ebs", "gp3 storage")
        assert found.low == pytest.approx(hour * HOURS + disk)
        assert found.high == pytest.approx(3 * (hour * HOURS + disk))

    def test_of_several_types_the_cheapest_and_the_dearest_count(self):
        group = {"scalingConfig": {"minSize": 1, "maxSize": 1}, "instanceTypes": ["g5.xlarge", "g5.2xlarge"]}
        found = costs(bill(part(NODES, "gpus", **group)), "ec2")
        assert found == (
            pytest.approx(HOURS * usd("ec2", "g5.xlarge")),
            pytest.approx(HOURS * usd("ec2", "g5.2xlarge")),
        )

    def test_a_template_says_which_machines_a_group_has(self):
        template = part(TEMPLATE, "t", instanceType="m5.large")
        group = {"scalingConfig": {"minSize": 2, "maxSize": 2}, "launchTemplate": {"id": Of("t"), "version": "1"}}
        found = bill(template, part(NODES, "nodes", **group))
        assert costs(found, "ec2")[1] == pytest.approx(2 * HOURS * usd("ec2", "m5.large"))
        scaled = part("aws:autoscaling/group:Group", "asg", minSize=0, maxSize=4, launchTemplate={"id": Of("t")})
        assert costs(bill(template, scaled), "ec2") == (0, pytest.approx(4 * HOURS * usd("ec2", "m5.large")))

    def test_spot_costs_at_least_what_it_usually_does_and_at_most_the_price_on_demand(self):
        group = {"scalingConfig": {"minSize": 1, "maxSize": 1}, "instanceTypes": ["g5.xlarge"], "capacityType": "SPOT"}
        found = costs(bill(part(NODES, "gpus", **group)), "ec2")
        assert found[0] == pytest.approx(HOURS * usd("ec2", "g5.xlarge", SPOT)) and found[0] < found[1]

    def test_an_instance_costs_all_hours_and_its_disk(self):
        found = bill(
            part("aws:ec2/instance:Instance", "i", instanceType="m5.large", rootBlockDevice={"volumeSize": 50})
        )
        assert found.low == pytest.approx(HOURS * usd("ec2", "m5.large") + 50 * usd("ebs", "gp3 storage"))

    def test_machines_of_a_type_that_nobody_says_are_unknown(self):
        (unknown,) = bill(part("aws:autoscaling/group:Group", "asg", minSize=1, maxSize=2)).unknown
        assert unknown.why == "AWS chooses their type"

    def test_a_batch_environment_costs_its_machines_while_jobs_run(self):
        resources = {"type": "EC2", "maxVcpus": 16, "minVcpus": 4, "instanceTypes": ["g5.xlarge"]}
        kind = "aws:batch/computeEnvironment:ComputeEnvironment"
        usage = UsageSpec(training_hours=Range(low=0, high=400))
        found = bill(part(kind, "b", type="MANAGED", computeResources=resources), usage=usage)
        hour = usd("ec2", "g5.xlarge")
        assert (found.low, found.high) == (pytest.approx(HOURS * hour), pytest.approx(4 * 400 * hour))

    def test_a_database_in_two_zones_costs_twice(self):
        kind = "aws:rds/instance:Instance"
        said = {"engine": "postgres", "instanceClass": "db.t4g.medium", "allocatedStorage": 20}
        one, two = bill(part(kind, "d", **said)), bill(part(kind, "d", multiAz=True, **said))
        assert two.high == pytest.approx(2 * one.high)
        (unknown,) = bill(part(kind, "d", **{**said, "engine": "oracle-se2"})).unknown
        assert unknown.what == "rds: oracle-se2"

    def test_tasks_on_fargate_cost_their_cpus_and_memory(self):
        task = part("aws:ecs/taskDefinition:TaskDefinition", "t", cpu="512", memory="1024")
        service = part("aws:ecs/service:Service", "s", taskDefinition=Of("t", "arn"), desiredCount=2)
        hour = 0.5 * usd("fargate", "linux x86 vcpu") + usd("fargate", "linux x86 memory")
        assert bill(task, service).high == pytest.approx(2 * HOURS * hour)

    def test_an_endpoint_made_by_cloud_control_costs_as_any_other(self):
        variant = {
            "VariantName": "main",
            "InstanceType": "ml.m5.large",
            "InitialInstanceCount": 1,
            "ManagedInstanceScaling": {"MinInstanceCount": 1, "MaxInstanceCount": 2},
        }
        configuration = part(
            "aws:cloudcontrol/resource:Resource",
            "c",
            typeName="AWS::SageMaker::EndpointConfig",
            desiredState=json.dumps({"ProductionVariants": [variant]}),
        )
        hour = HOURS * usd("sagemaker-hosting", "ml.m5.large")
        found = bill(configuration)
        assert (found.low, found.high) == (pytest.approx(hour), pytest.approx(2 * hour))


class TestKubernetes:
    def test_objects_cost_what_their_nodes_do(self):
        found = bill(part("kubernetes:apps/v1:Deployment", "d", spec={"replicas": 3}))
        assert (found.lines, found.unknown) == ((), ())

    def test_a_service_for_the_outside_has_a_load_balancer(self):
        kind = "kubernetes:core/v1:Service"
        found = bill(part(kind, "s", spec={"type": "LoadBalancer"}))
        assert found.low == pytest.approx(HOURS * usd("elb", "network load balancer"))
        assert bill(part(kind, "s", spec={"type": "ClusterIP"})).lines == ()

    @pytest.mark.parametrize(("size", "gb"), [("100Gi", 100), ("1Ti", 1024), ("512Mi", 0.5)])
    def test_a_claim_has_a_disk_of_its_size(self, size: str, gb: float):
        spec = {"resources": {"requests": {"storage": size}}}
        found = bill(part("kubernetes:core/v1:PersistentVolumeClaim", "c", spec=spec))
        assert found.high == pytest.approx(gb * usd("ebs", "gp3 storage"))

    def test_each_pod_of_a_set_has_a_disk_of_its_own(self):
        claim = {"metadata": {"name": "data"}, "spec": {"resources": {"requests": {"storage": "5Gi"}}}}
        spec = {"replicas": 3, "volumeClaimTemplates": [claim]}
        found = bill(part("kubernetes:apps/v1:StatefulSet", "s", spec=spec))
        assert found.high == pytest.approx(15 * usd("ebs", "gp3 storage"))
        assert bill(part("kubernetes:apps/v1:StatefulSet", "none", spec={"replicas": 3})).lines == ()

    @pytest.mark.parametrize("kind", ["kubernetes:karpenter.sh/v1:NodePool", "kubernetes:helm.sh/v3:Release"])
    def test_what_makes_others_is_unknown(self, kind: str):
        assert len(bill(part(kind, "it")).unknown) == 1


POOL = "kubernetes:karpenter.sh/v1:NodePool"


def a_pool(limits: dict[str, Any], *types: str, capacity: str = "on-demand", **metadata: Any) -> Part:
    asked = {"node.kubernetes.io/instance-type": list(types), "karpenter.sh/capacity-type": [capacity]}
    requirements = [{"key": key, "operator": "In", "values": values} for key, values in asked.items()]
    spec = {"requirements": requirements, "nodeClassRef": {"name": "nodes"}}
    return part(POOL, "pool", metadata=metadata, spec={"template": {"spec": spec}, "limits": limits})


class TestPoolsOfNodes:
    def test_a_pool_costs_from_nothing_to_as_many_of_the_dearest_machines_as_its_limits_let(self):
        found = bill(a_pool({"nvidia.com/gpu": "8"}, "g5.xlarge", "g5.2xlarge"))
        assert (found.low, found.unknown) == (0, ())
        assert found.high == pytest.approx(8 * HOURS * usd("ec2", "g5.2xlarge"))
        assert bill(a_pool({"nvidia.com/gpu": "8", "cpu": "12"}, "g5.xlarge")).high == pytest.approx(
            3 * HOURS * usd("ec2", "g5.xlarge")
        )

    def test_gpus_that_are_shared_count_as_whole_ones(self):
        annotations = {"modelyard.dev/gpus": "2"}
        found = bill(a_pool({"nvidia.com/gpu": "8"}, "g5.xlarge", annotations=annotations))
        assert found.high == pytest.approx(2 * HOURS * usd("ec2", "g5.xlarge"))

    def test_its_machines_have_the_disks_of_their_class(self):
        disks = [{"ebs": {"volumeSize": "4Gi"}}, {"ebs": {"volumeSize": "100Gi"}}]
        machines = part(
            "kubernetes:karpenter.k8s.aws/v1:EC2NodeClass",
            "c",
            metadata={"name": "nodes"},
            spec={"blockDeviceMappings": disks},
        )
        found = costs(bill(a_pool({"nvidia.com/gpu": "2"}, "g5.xlarge"), machines), "ebs")
        assert found == (0, pytest.approx(2 * 104 * usd("ebs", "gp3 storage")))

    @pytest.mark.parametrize(
        ("limits", "types", "capacity"),
        [
            ({}, ["g5.xlarge"], "on-demand"),
            ({"nvidia.com/gpu": "8"}, [], "on-demand"),
            ({"nvidia.com/gpu": "8"}, ["z9.mega"], "on-demand"),
            ({"nvidia.com/gpu": "8"}, ["g5.xlarge"], "reserved"),
        ],
    )
    def test_what_has_no_end_or_was_paid_elsewhere_is_unknown(
        self, limits: dict[str, Any], types: list[str], capacity: str
    ):
        found = bill(a_pool(limits, *types, capacity=capacity))
        assert (found.lines, len(found.unknown)) == ((), 1)

    def test_the_platforms_own_charts_ask_for_nothing_that_aws_bills(self):
        kind = "kubernetes:helm.sh/v3:Release"
        assert bill(part(kind, "k", chart="oci://public.ecr.aws/karpenter/karpenter")).unknown == ()
        assert len(bill(part(kind, "k", chart="oci://r.example/another")).unknown) == 1


def test_a_price_of_ones_own_for_a_type_makes_it_known():
    kind = "aws:quicksight/dashboard:Dashboard"
    price = Price(kind, "resource", REGION, 18, "month", "on-demand", "our bill", "2026-11", Quality.LISTED)
    prices = PriceTable({(kind, "resource", REGION, "on-demand"): price})
    found = bill_of(Stack(graph_of([part(kind, "board")]), Surroundings(region=REGION, prices=prices)))
    assert (found.high, found.unknown) == (18, ())
