"""The catalogue of instance types knows what work would find on a machine, and since when."""

from __future__ import annotations

from modelyard.core.instances import InstanceCatalogue

CATALOGUE = InstanceCatalogue.shipped()


def test_the_catalogue_knows_what_a_job_would_find():
    assert (CATALOGUE["ml.p4d.24xlarge"].gpus, CATALOGUE["p4d.24xlarge"].efa) == (8, True)
    assert CATALOGUE["ml.trn1.32xlarge"].gpus == 0, "Trainium runs no CUDA program"
    assert all(i.source and i.as_of and i.quality in ("checked", "listed") for i in CATALOGUE.values())
    assert CATALOGUE.with_gpu_in("eu-west-1")[0].accelerator_memory_gib <= 16


def test_it_knows_which_gpus_divide_and_of_which_it_does_not_know():
    divides = {name: CATALOGUE[name].mig for name in ("p4d.24xlarge", "p5.48xlarge", "g5.xlarge", "g7.2xlarge")}
    assert divides == {"p4d.24xlarge": True, "p5.48xlarge": True, "g5.xlarge": False, "g7.2xlarge": None}


def test_a_type_that_is_misspelt_has_a_closest_one():
    assert CATALOGUE.closest("p4d.24xlrge", ec2=True) == "p4d.24xlarge"
