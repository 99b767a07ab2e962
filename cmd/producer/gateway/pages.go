package gateway

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"time"
)

//go:embed web
var web embed.FS

var pageTemplate = template.Must(template.ParseFS(web, "web/page.html"))

// pageTTL is how long a page may be shown as it is.
const pageTTL = "public, max-age=60"

// product is what the shop sells.
type product struct {
	Name  string
	Title string
	Price string
}

var products = []product{
	{"shovel", "Shovel", "19.99"}, {"pickaxe", "Pickaxe", "34.50"}, {"wheelbarrow", "Wheelbarrow", "89.00"},
	{"lantern", "Lantern", "24.00"}, {"boots", "Boots", "59.90"},
}

// view is what a page shows.
type view struct {
	Page     string
	Products []product
	Made     time.Time
}

// page renders a page of the shop, which the page cache keeps: "home", "account", or a product.
func (g *Gateway) page(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("page")
	seen := view{Page: name, Made: time.Now().UTC()}
	for _, one := range products {
		if name == "home" || name == one.Name {
			seen.Products = append(seen.Products, one)
		}
	}
	if seen.Products == nil && name != "account" {
		return notFound.because("The shop has no page of that name.")
	}
	var text bytes.Buffer
	if err := pageTemplate.Execute(&text, seen); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", pageTTL)
	_, _ = w.Write(text.Bytes()) // a client that has left needs no answer
	return nil
}

// asset serves what the pages need.
func (g *Gateway) asset(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("asset")
	text, err := web.ReadFile("web/" + name)
	if err != nil || name == "page.html" {
		return notFound.because("There is no asset of that name.")
	}
	w.Header().Set("Cache-Control", "public, max-age=300")
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(text))
	return nil
}
