package bundle

import (
	"context"
	"fmt"

	"nestbed/harness/cache"
)

// A recipe makes a root filesystem from one kind of source. key identifies the content, and fill
// puts it into an empty directory.
type recipe struct {
	key  string
	fill func(ctx context.Context, root string) error
	// dpkg is the root filesystem whose dpkg database knows the programs; "" is the one that fill
	// makes.
	dpkg string
}

// contentKey returns the key of the source's recipe. It makes nothing, so it does not need root.
func contentKey(ctx context.Context, s Source) (string, error) {
	switch s.Kind {
	case Installed:
		files, err := installedFiles(ctx, s)
		if err != nil {
			return "", err
		}
		return installedKey(files)
	case Debian, Module:
		entry, _ := Packages(s, AppArmor())
		return entry, nil
	case Built:
		b, err := readBuild(ctx, s, s.Arg)
		if err != nil {
			return "", err
		}
		return b.key()
	case Dir:
		return dirKey(s)
	case Snap:
		return snapKey(ctx, s)
	case Tar:
		return tarKey(s)
	}
	return "", fmt.Errorf("bundle %q: unknown kind", s)
}

func (st Store) readRecipe(ctx context.Context, s Source, entries cache.Cache) (recipe, error) {
	switch s.Kind {
	case Installed:
		files, err := installedFiles(ctx, s)
		if err != nil {
			return recipe{}, err
		}
		key, err := installedKey(files)
		return recipe{key: key, dpkg: string(thisMachine), fill: func(ctx context.Context, root string) error {
			if err := withRoot(root, makeLayout); err != nil {
				return err
			}
			return thisMachine.copy(ctx, root, files)
		}}, err
	case Built:
		b, err := readBuild(ctx, s, s.Arg)
		if err != nil {
			return recipe{}, err
		}
		key, err := b.key()
		return recipe{key: key, dpkg: string(thisMachine), fill: b.fill}, err
	case Debian:
		return st.debianRecipe(ctx, s, entries)
	case Module:
		return st.moduleRecipe(ctx, s, entries)
	case Dir:
		key, err := dirKey(s)
		return recipe{key: key, fill: func(ctx context.Context, root string) error {
			if err := makeDir(ctx, root, s); err != nil {
				return err
			}
			return withRoot(root, makeLayout)
		}}, err
	case Snap:
		key, err := snapKey(ctx, s)
		return recipe{key: key, fill: func(ctx context.Context, root string) error { return makeSnap(ctx, root, s) }}, err
	case Tar:
		key, err := tarKey(s)
		return recipe{key: key, fill: func(ctx context.Context, root string) error {
			if err := makeTar(ctx, root, s); err != nil {
				return err
			}
			return withRoot(root, makeLayout)
		}}, err
	}
	return recipe{}, fmt.Errorf("bundle %q: unknown kind", s)
}
