"""Photos of every kind become 8-bit RGB by the stated rule; folders and lists that cannot be used say why."""

import re

import numpy as np
import pytest
from mmengine.dataset import ConcatDataset
from PIL import Image

from semrestore.datasets import CaffeCenterCrop, EmbeddedPhotos, LoadPhoto, PhotoFolder, RandomCrop, RandomDihedral
from semrestore.datasets.stored_photos import StoredPhotos
from semrestore.errors import UserError
from semrestore.images import read_photo

RAMP = np.arange(60, dtype=np.uint8).reshape(5, 12) * 4


def save(path, image, **options):
    image.save(path, **options)
    return str(path)


def test_grey_is_repeated(tmp_path):
    photo = read_photo(save(tmp_path / 'grey.png', Image.fromarray(RAMP)))
    assert photo.shape == (5, 12, 3)
    assert photo.dtype == np.uint8
    assert all(np.array_equal(photo[..., channel], RAMP) for channel in range(3))


def test_transparency_is_laid_on_white(tmp_path):
    rgba = np.zeros((2, 3, 4), np.uint8)
    rgba[..., 0] = 200
    rgba[0, :, 3] = 255
    rgba[1, 1, 3] = 128
    photo = read_photo(save(tmp_path / 'alpha.png', Image.fromarray(rgba)))
    assert photo[0, 0].tolist() == [200, 0, 0]
    assert photo[1, 0].tolist() == [255, 255, 255]
    assert np.abs(photo[1, 1].astype(int) - [227, 127, 127]).max() <= 1


def test_the_upper_eight_of_sixteen_bits_are_kept(tmp_path):
    values = RAMP.astype(np.uint16) * 257
    photo = read_photo(save(tmp_path / 'deep.png', Image.fromarray(values)))
    assert np.array_equal(photo[..., 1], RAMP)
    import cv2

    colour = np.stack([values, values // 2, values // 3], axis=-1)
    cv2.imwrite(str(tmp_path / 'deep_colour.png'), colour[..., ::-1])
    assert np.array_equal(read_photo(str(tmp_path / 'deep_colour.png')), (colour >> 8).astype(np.uint8))


def test_cmyk_palette_and_one_bit_become_rgb(tmp_path):
    red = Image.new('RGB', (16, 8), (255, 0, 0))
    for path, image in (('cmyk.jpg', red.convert('CMYK')), ('palette.png', red.convert('P'))):
        photo = read_photo(save(tmp_path / path, image))
        assert photo.shape == (8, 16, 3)
        assert np.abs(photo.astype(int) - [255, 0, 0]).max() <= 3, path
    black_and_white = read_photo(save(tmp_path / 'bilevel.png', Image.fromarray(RAMP > 100)))
    assert set(np.unique(black_and_white)) == {0, 255}


def test_exif_orientation_is_applied(tmp_path):
    image = Image.fromarray(RAMP)
    exif = image.getexif()
    exif[0x0112] = 6  # the camera was turned: rotate by 270 degrees to see it upright
    photo = read_photo(save(tmp_path / 'turned.png', image, exif=exif))
    assert photo.shape == (12, 5, 3)
    assert np.array_equal(photo[..., 0], np.rot90(RAMP, -1))
    photo += 1  # a transform may work in place


@pytest.mark.parametrize('name', ['truncated.png', 'truncated.jpg', 'empty.png', 'text.png', 'float.tif'])
def test_what_is_no_photo_is_named(tmp_path, name, photo_paths):
    path = tmp_path / name
    whole = Image.open(photo_paths['coffee'])
    if name.startswith('truncated'):
        whole.save(path)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])
    elif name == 'float.tif':
        Image.fromarray(RAMP.astype(np.float32)).save(path)
    else:
        path.write_text('' if name == 'empty.png' else 'no image')
    with pytest.raises(UserError, match=name):
        read_photo(str(path))


def test_a_folder_is_searched_in_sorted_order(tmp_path):
    for name in ('b.png', 'a.JPG', 'sub/c.webp'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(RAMP).save(tmp_path / name)
    (tmp_path / 'notes.txt').write_text('not an image')
    dataset = PhotoFolder(
        data_root=str(tmp_path.parent), folder=tmp_path.name, name='mine', pipeline=[dict(type='semrestore.LoadPhoto')]
    )
    assert [dataset[index]['name'] for index in range(len(dataset))] == ['a', 'b', 'sub/c']
    assert dataset[0]['dataset_name'] == 'mine'
    assert dataset[0]['img'].shape == (5, 12, 3)


def test_a_list_file_chooses_and_orders(tmp_path):
    for name in ('a.png', 'b.png', 'c.png'):
        Image.fromarray(RAMP).save(tmp_path / name)
    (tmp_path / 'list.txt').write_text('# two of three\nc.png\n\na.png\n')
    dataset = PhotoFolder(data_root=str(tmp_path), list_file='list.txt')
    assert [dataset.get_data_info(index)['name'] for index in range(len(dataset))] == ['c', 'a']


@pytest.mark.parametrize(
    ('listing', 'named'),
    [
        (None, '.'),
        ('', 'list.txt'),
        ('x.png\n', 'x.png'),
        ('missing', 'list.txt'),
    ],
)
def test_an_empty_folder_and_a_wrong_list_are_named(tmp_path, listing, named):
    if listing not in (None, 'missing'):
        (tmp_path / 'list.txt').write_text(listing)
    with pytest.raises(UserError, match=re.escape(f"'{tmp_path / named}'")):
        PhotoFolder(data_root=str(tmp_path), list_file=None if listing is None else 'list.txt')


@pytest.mark.parametrize(('count', 'left'), [(8, 0), (9, 1)])
def test_photos_that_are_all_held_out_are_no_training_set(tmp_path, count, left):
    for number in range(count):
        Image.fromarray(RAMP).save(tmp_path / f'{number}.png')
    assert len(PhotoFolder(folder=str(tmp_path), part='held_out')) == 8
    for build, where in (
        (lambda: PhotoFolder(folder=str(tmp_path), part='train'), str(tmp_path)),
        (lambda: StoredPhotos(count, part='train'), 'StoredPhotos'),
    ):
        if left:
            assert len(build()) == left
            continue
        with pytest.raises(UserError, match=rf"{where}.* 8 .*part='train'"):
            build()


def test_a_missing_folder_says_what_to_do(tmp_path):
    with pytest.raises(UserError, match=r'SEMRESTORE_DATA.*--embedded'):
        PhotoFolder(data_root=str(tmp_path), folder='nowhere', how_to_get='It is here.')


def test_embedded_photos_are_whole_and_kept_apart(photos):
    assert len(photos) == 9
    assert all(photo.shape[0] == 3 and min(photo.shape[1:]) >= 300 for photo in photos.values())
    assert all(photo.std() > 0.05 for photo in photos.values())
    assert not set(EmbeddedPhotos.SPLITS['train']) & set(EmbeddedPhotos.SPLITS['val'])
    assert len(EmbeddedPhotos.SPLITS['val']) >= 3


def test_views_cut_a_photo_into_named_squares(photos):
    dataset = EmbeddedPhotos(split='val', view=224, stride=75, pipeline=[dict(type='semrestore.LoadPhoto')])
    # chelsea is 300 x 451, coffee 400 x 600, flower 427 x 640: 2 x 4, 3 x 6 and 3 x 6 upper left corners.
    assert len(dataset) == 8 + 18 + 18
    item = next(
        dataset[index] for index in range(len(dataset)) if dataset.get_data_info(index)['name'] == 'coffee@75,150'
    )
    expected = (photos['coffee'][:, 75:299, 150:374] * 255).round().permute(1, 2, 0).numpy().astype(np.uint8)
    assert np.array_equal(item['img'], expected)


def test_an_unknown_split_is_refused():
    with pytest.raises(UserError, match='test'):
        EmbeddedPhotos(split='test')


def test_cached_photos_are_read_once(tmp_path):
    path = save(tmp_path / 'once.png', Image.fromarray(RAMP))
    load = LoadPhoto(cache=True)
    first = load(dict(img_path=path))['img']
    assert np.array_equal(first[..., 0], RAMP)
    (tmp_path / 'once.png').unlink()
    assert np.array_equal(load(dict(img_path=path))['img'], first)
    first[:] = 0
    assert load(dict(img_path=path))['img'].any(), 'what a transform does in place stays out of the cache'


def test_bgr_reverses_the_channels(photo_paths):
    rgb, bgr = (
        LoadPhoto(channel_order=order)(dict(img_path=photo_paths['coffee'], view=(10, 20, 16)))['img']
        for order in ('rgb', 'bgr')
    )
    assert np.array_equal(bgr, rgb[..., [2, 1, 0]])
    assert not np.array_equal(bgr, rgb)
    with pytest.raises(ValueError, match='gbr'):
        LoadPhoto(channel_order='gbr')


def test_a_label_map_is_turned_with_its_image():
    image = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)
    seen = set()
    for _ in range(100):
        result = RandomDihedral()(dict(img=image, gt_seg_map=image[..., 1].astype(int)))
        assert np.array_equal(result['gt_seg_map'], result['img'][..., 1])
        assert result['img_shape'] == result['gt_seg_map'].shape
        seen.add((result['img_shape'], result['img'].tobytes()))
    assert len(seen) == 8


def test_dihedral_gives_all_eight_and_nothing_else():
    image = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    seen = {RandomDihedral()(dict(img=image))['img'].tobytes() for _ in range(200)}
    expected = {np.rot90(base, turns).tobytes() for base in (image, image[:, ::-1]) for turns in range(4)}
    assert seen == expected
    assert len(expected) == 8


@pytest.mark.parametrize('transform', [RandomCrop(8), CaffeCenterCrop(8), RandomDihedral()])
def test_a_transform_that_would_leave_boxes_behind_refuses_them(transform):
    item = dict(img=np.zeros((9, 12, 3), np.uint8), gt_bboxes=np.zeros((1, 4), np.float32), img_path='p.jpg')
    with pytest.raises(UserError, match=rf"{type(transform).__name__}.*'p\.jpg'.*gt_bboxes.*mmcv\.RandomFlip"):
        transform(item)


def crop_of(height, width, size, **options):
    image = np.arange(height * width * 3, dtype=np.uint8).reshape(height, width, 3)
    labels = np.arange(height * width).reshape(height, width) % 21
    return image, labels, RandomCrop(size, **options)(dict(img=image, gt_seg_map=labels, img_path='p.jpg'))


def test_a_crop_takes_the_same_square_of_image_and_labels():
    seen = set()
    for _ in range(60):
        image, labels, result = crop_of(9, 12, 8)
        assert result['img'].shape == (8, 8, 3)
        assert result['img_shape'] == (8, 8)
        (place,) = [
            (y, x)
            for y in range(2)
            for x in range(5)
            if np.array_equal(result['gt_seg_map'], labels[y : y + 8, x : x + 8])
        ]
        assert np.array_equal(result['img'], image[place[0] : place[0] + 8, place[1] : place[1] + 8])
        seen.add(place)
    assert len(seen) == 10  # every corner that there is


def test_a_small_image_is_enlarged_with_void_labels_if_asked_to():
    *_, result = crop_of(5, 20, 8, pad_if_needed=True)
    assert result['img'].shape == (8, 8, 3)
    assert np.all(result['gt_seg_map'][5:] == 255)
    assert result['gt_seg_map'][:5].max() < 255
    assert np.array_equal(result['img'][5:], result['img'][4:1:-1])  # mirrored


def test_an_image_smaller_than_the_crop_is_named():
    with pytest.raises(UserError, match=r'p\.jpg.*5 x 20.*8'):
        crop_of(5, 20, 8)


def test_a_list_may_leave_the_suffix_out(tmp_path):
    (tmp_path / 'photos').mkdir()
    for name in 'abc':
        save(tmp_path / f'photos/{name}.png', Image.fromarray(RAMP))
    (tmp_path / 'list.txt').write_text('c\na\n')
    dataset = PhotoFolder(data_root=str(tmp_path), folder='photos', list_file='list.txt', suffix='.png')
    assert [dataset.get_data_info(index)['name'] for index in range(len(dataset))] == ['c', 'a']


def test_caffes_centre_is_rounded_down():
    image = np.arange(7 * 10 * 3).reshape(7, 10, 3)
    result = CaffeCenterCrop(4)(dict(img=image, img_path='p.jpg'))
    assert np.array_equal(result['img'], image[1:5, 3:7])  # (7 - 4) // 2, (10 - 4) // 2
    with pytest.raises(UserError, match=r'p\.jpg.*7 x 10.*8'):
        CaffeCenterCrop(8)(dict(img=image, img_path='p.jpg'))


class Numbered(StoredPhotos):
    """Rows without images."""

    def read_row(self, row):
        return dict(img_path=str(row), name=str(row)), b''


def test_photos_in_tables_can_be_parts_of_a_larger_set():
    whole = ConcatDataset([dict(type=Numbered, rows=2), dict(type=Numbered, rows=3)])
    assert [whole[index]['name'] for index in range(len(whole))] == ['0', '1', '0', '1', '2']
