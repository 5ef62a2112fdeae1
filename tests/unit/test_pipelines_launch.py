"""How a training program is started on several instances, whatever it was written with."""

from __future__ import annotations

import json

import pytest

from modelyard_jobs.launch import command, tf_config

TWO = {"hosts": ["algo-1", "algo-2"], "current_host": "algo-2"}


def test_torchrun_knows_how_many_there_are_and_which_this_is():
    found = command("torchrun", ["train.py", "--epochs", "3"], TWO, gpus=4)
    assert found[:4] == ["torchrun", "--nnodes=2", "--node_rank=1", "--nproc_per_node=4"]
    assert "--master_addr=algo-1" in found and found[-3:] == ["train.py", "--epochs", "3"]


def test_mpi_has_a_process_for_each_gpu_or_one_for_each_instance():
    assert command("mpi", ["train"], TWO, gpus=8)[3:] == ["16", "--host", "algo-1:8,algo-2:8", "train"]
    assert command("mpi", ["train"], TWO, gpus=0)[3] == "2"


def test_tensorflow_reads_its_workers_from_the_environment():
    assert json.loads(tf_config(TWO)) == {
        "cluster": {"worker": ["algo-1:29500", "algo-2:29500"]},
        "task": {"type": "worker", "index": 1},
    }
    assert command("tf_config", ["train.py"], TWO, gpus=1)[1:] == ["train.py"]


def test_another_launcher_is_refused_with_those_that_there_are():
    with pytest.raises(ValueError, match="use torchrun, mpi or tf_config"):
        command("horovodrun", ["train.py"], TWO, gpus=1)
