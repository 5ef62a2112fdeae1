"""A TFX program as a team writes it: rows from the lake to a model that lies where it is served from.

Run it where TFX is (docs/kubeflow-and-tfx.md): python pipeline.py IMAGE DATA ROOT OUTPUT. IMAGE, by digest, holds TFX
and the package `fares`; DATA and ROOT are S3 URIs; OUTPUT is the file that `yard pipeline wrap` takes.
"""

# pyright: reportMissingImports=false, reportAttributeAccessIssue=false

from __future__ import annotations

import sys

from tfx import v1 as tfx


def fares(data: str, root: str) -> tfx.dsl.Pipeline:
    """The pipeline. The function that trains lies in the image: nothing is packed and uploaded here."""
    rows = tfx.components.CsvExampleGen(input_base=data)
    statistics = tfx.components.StatisticsGen(examples=rows.outputs["examples"])
    schema = tfx.components.SchemaGen(statistics=statistics.outputs["statistics"])
    trainer = tfx.components.Trainer(
        run_fn="fares.trainer.run_fn",
        examples=rows.outputs["examples"],
        schema=schema.outputs["schema"],
        train_args=tfx.proto.TrainArgs(num_steps=1000),
        eval_args=tfx.proto.EvalArgs(num_steps=100),
    )
    place = tfx.proto.PushDestination.Filesystem(base_directory=f"{root}/served")
    pusher = tfx.components.Pusher(
        model=trainer.outputs["model"], push_destination=tfx.proto.PushDestination(filesystem=place)
    )
    return tfx.dsl.Pipeline(
        pipeline_name="fares", pipeline_root=root, components=[rows, statistics, schema, trainer, pusher]
    )


if __name__ == "__main__":
    image, data, root, output = sys.argv[1:]
    kubeflow = tfx.orchestration.experimental
    config = kubeflow.KubeflowV2DagRunnerConfig(default_image=image, use_pipeline_spec_2_1=True)
    kubeflow.KubeflowV2DagRunner(config=config, output_filename=output).run(fares(data, root))
