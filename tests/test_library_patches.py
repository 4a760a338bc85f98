"""What the libraries say that no user can act on is not shown; dumps are in the log file alone."""

from mmengine.logging import MMLogger

from semrestore import library_patches


def test_dumps_go_to_the_log_file_alone_and_warnings_about_others_code_nowhere(tmp_path, capsys):
    library_patches.apply()
    logger = MMLogger.get_instance('quiet', log_file=str(tmp_path / 'a.log'))
    logger.info('Config:\na = 1')
    logger.warning('"FileClient" will be deprecated in future.')
    logger.info('Iter(train) [10/20] loss: 1')
    for handler in logger.handlers:
        handler.flush()
    shown, kept = capsys.readouterr().out, (tmp_path / 'a.log').read_text()
    assert 'Iter(train)' in shown
    assert 'Config' not in shown
    assert 'Config' in kept
    assert 'FileClient' not in shown + kept
