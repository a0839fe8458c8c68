import faults, pytest, tiny, torch
from infogan_lib import Training, files
from infogan_lib.run_folder import TrainingError
from test_hostile_files import folder, resume_refused

BAD = {
    "no order": lambda t, m: (t.pop("order"), m)[1],
    "no random": lambda t, m: (t.pop("random"), m)[1],
    "random of floats": lambda t, m: (t.update(random=torch.zeros(3)), m)[1],
    "an optimiser's path": lambda t, m: (t.update({"d.../../x.y": torch.zeros(1)}), m)[1],
    "a step in words": lambda t, m: m | {"step": "<script>"},
    "an unknown recipe": lambda t, m: m | {"recipe": {"x": 1}},
    "weights of NaN": lambda t, m: (t["model.d_head.bias"].fill_(float("nan")), m)[1],
}


@pytest.mark.parametrize("what", BAD)
def test_a_hostile_checkpoint(folder, what):
    tensors, manifest = files.load_tensors(folder / "checkpoint.safetensors")
    manifest = BAD[what](tensors, manifest)
    files.save_tensors(folder / "checkpoint.safetensors", tensors, manifest)
    resume_refused(folder, "checkpoint")
    (folder / "checkpoint.safetensors").unlink()  # and nobody holds the folder
    assert Training.resume(folder, tiny.images()).step == 0


def test_room_made_the_same_run_goes_on_and_the_log_is_whole(tmp_path):
    with faults.disk(tmp_path / "disk") as small:
        run = faults.new(small / "run")
        for _ in zip(range(12), run):
            pass
        (small / "other").write_bytes(bytes(3 * 2**20))
        import os

        left = os.statvfs(small)
        (small / "more").write_bytes(bytes(left.f_bavail * left.f_bsize))
        with pytest.raises(files.FileError):
            list(run)
        (small / "other").unlink()
        list(run)
        faults.check_whole(small / "run")
