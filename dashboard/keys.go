package dashboard

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/navvy-go/navvy/internal/apikey"
	"github.com/navvy-go/navvy/internal/scope"
)

// keyList is the page of the API keys by which programs get in at the gateway.
type keyList struct {
	Keys []shownKey `json:"keys"`
}

// shownKey is a key as viewers may see it: the key itself is nowhere.
type shownKey struct {
	apikey.Key
	Expired bool `json:"expired,omitempty"`
}

// madeKey is what an operator who has made a key is shown, this once.
type madeKey struct {
	apikey.Key
	Secret string `json:"key"`
}

var keysPage = page{section: "keys", title: "API keys", template: "apikeys", load: loadKeys}

func loadKeys(ctx context.Context, d *Dashboard, r *Request) (any, error) {
	all, err := d.keys.List(ctx)
	if err != nil {
		return nil, err
	}
	list := keyList{Keys: make([]shownKey, 0, len(all))}
	for _, k := range all {
		list.Keys = append(list.Keys, shownKey{k, k.Expired(r.Now)})
	}
	return list, nil
}

// keyRoutes adds the page of the API keys, and what makes and ends one.
func (d *Dashboard) keyRoutes(mux *http.ServeMux) {
	d.page(mux, "/keys", keysPage)
	d.action(mux, "/keys/revoke", d.revokeKey)
	create := d.operator(d.createKey)
	mux.Handle("POST /keys/create", create)
	mux.Handle("POST "+apiPath+"/keys/create", create)
}

// createKey answers with the key itself, which a notice after a redirect would leave in a cookie.
func (d *Dashboard) createKey(w http.ResponseWriter, r *http.Request) {
	made, err := d.makeKey(r)
	d.cache.expire()
	if err != nil {
		d.refused(w, r, err)
		return
	}
	d.audit(r.Context(), userOf(r.Context()), "key.create", made.Name, made.Says())
	if !wantsHTML(r) {
		writeJSON(w, http.StatusCreated, made)
		return
	}
	out := d.pageData(r, page{title: "The API key " + made.Name})
	out.Body = made
	d.render(w, http.StatusOK, "apikey", out)
}

func (d *Dashboard) makeKey(r *http.Request) (madeKey, error) {
	life, err := apikey.ParseLife(r.PostFormValue("expires"))
	if err != nil {
		return madeKey{}, err
	}
	asked := apikey.Request{
		Name: strings.TrimSpace(r.PostFormValue("name")), Life: life, By: userOf(r.Context()).Name,
		Scopes: strings.Fields(strings.ReplaceAll(r.PostFormValue("scopes"), ",", " ")),
	}
	for _, name := range asked.Scopes {
		if base := scope.Scope(name).Base(); base != "" && !slices.Contains(keyScopes(d.cfg), base) {
			return madeKey{}, BadRequest("%s is about what all tenants share: want one of %s", base,
				scope.Join(keyScopes(d.cfg), ", "))
		}
	}
	secret, made, err := d.keys.Create(r.Context(), asked, d.cfg.Now())
	return madeKey{made, secret}, err
}

// keyScopes are those that a key may have.
func keyScopes(cfg Config) []scope.Scope {
	if cfg.Tenant {
		return scope.OfQueues
	}
	return scope.All
}

// revokeKey ends a key.
func (d *Dashboard) revokeKey(f *Form) (Notice, error) {
	name := f.Value("name")
	all, err := d.keys.List(f.Context())
	if err != nil {
		return Notice{}, err
	}
	at := slices.IndexFunc(all, func(k apikey.Key) bool { return k.Name == name })
	if at < 0 {
		return Notice{}, apikey.ErrNotFound
	}
	err = f.confirmed(confirmation{
		Title: "Revoke an API key", Button: "Revoke", Word: name,
		Says: "Within two seconds the programs that use the key " + name + " get in no longer. There is no way back: " +
			"they need another key. It " + lastUseText(all[at], f.d.cfg.Now()) + ".",
	})
	if err != nil {
		return Notice{}, err
	}
	was, err := f.d.keys.Revoke(f.Context(), name)
	if err != nil {
		return Notice{}, err
	}
	f.Audit("key.revoke", was.Name, was.Says())
	return Notice{Text: "The API key " + was.Name + " is revoked."}, nil
}

func lastUseText(k apikey.Key, now time.Time) string {
	if k.LastUse == nil {
		return "was never used"
	}
	return "was last used " + span(now.Sub(*k.LastUse)) + " ago"
}
