package owners

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"io"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// zstdMemory is the most memory, in bytes, that a decoder may take: zstd --ultra needs 128 MiB.
const zstdMemory = 256 << 20

// decompressed returns the content of a file, by the first bytes of the file.
func decompressed(r io.Reader) (io.ReadCloser, error) {
	b := bufio.NewReaderSize(r, 64<<10)
	begin, err := b.Peek(6)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(begin, []byte("\x1f\x8b")):
		return gzip.NewReader(b)
	case bytes.HasPrefix(begin, []byte("\xfd7zXZ\x00")):
		plain, err := xz.NewReader(b)
		return io.NopCloser(plain), err
	case bytes.HasPrefix(begin, []byte("\x28\xb5\x2f\xfd")):
		plain, err := zstd.NewReader(b, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(zstdMemory))
		if err != nil {
			return nil, err
		}
		return plain.IOReadCloser(), nil
	}
	return io.NopCloser(b), nil
}
