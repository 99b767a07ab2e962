package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/boombuler/barcode"
	"github.com/boombuler/barcode/qr"
	"github.com/urfave/cli/v2"

	"github.com/navvy-go/navvy/dashboard"
	"github.com/navvy-go/navvy/internal/command"
	"github.com/navvy-go/navvy/internal/credentials"
)

func secondFactorFlag() cli.Flag {
	return &cli.StringFlag{
		Name: "second-factor", Value: "optional",
		Usage: "password: `WHO` must have a second factor (monitor totp): operators, all, or optional for those who have one",
	}
}

// passwordsOf asks for passwords, and for second factors as --second-factor says.
func passwordsOf(
	c *cli.Context, people *dashboard.Credentials, sessions dashboard.Sessions,
) (*dashboard.Passwords, error) {
	auth, err := dashboard.NewPasswords(people, sessions)
	if err != nil {
		return nil, err
	}
	switch who := c.String("second-factor"); who {
	case "optional":
	case "operators":
		auth.SecondFactor = dashboard.Operator
	case "all":
		auth.SecondFactor = dashboard.Viewer
	default:
		return nil, command.Usage("--second-factor %s: want optional, operators or all", who)
	}
	return auth, nil
}

func totpCommand() *cli.Command {
	return &cli.Command{
		Name:      "totp",
		Usage:     "make a second factor for a person who logs in with a password, and print its line",
		ArgsUsage: "NAME",
		Description: `Once the line is in the file that serve reads, beside the person's password, the login asks for a code
of their authenticator app as well (TOTP, RFC 6238), and their sessions of before end. What the app reads, as an address
and on a terminal as a QR code, and ten recovery codes, each of which replaces a code once, go to stderr, once: hand
them to the person. The line goes to stdout. It has the secret that the app shares.

For another app or other recovery codes, replace the line; without it the password is enough again.

Examples:

   monitor totp alice >> credentials
   monitor totp alice --issuer 'navvy production' >> credentials
   sed -i '/^totp alice /d' credentials`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "issuer", Value: "navvy", Usage: "the app shows the code under `TITLE`"},
		},
		Action: totp,
	}
}

func totp(c *cli.Context) error {
	names, err := command.Arguments(c, "NAME")
	if err != nil {
		return err
	}
	line, factor, recovery, err := credentials.NewTOTP(names[0])
	if err != nil {
		return command.AsUsage(err)
	}
	address, err := factor.URL(c.String("issuer"), names[0])
	if err != nil {
		return command.AsUsage(err)
	}
	out := c.App.ErrWriter
	fmt.Fprintf(out, "The second factor of %s, which is shown only now:\n\n", names[0])
	if command.IsTerminal(out) {
		if err := drawQR(out, address); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "%s\n\nRecovery codes, each for one login without the app:\n\n", command.Printable(address))
	for _, code := range recovery {
		fmt.Fprintln(out, "  "+code)
	}
	_, err = fmt.Fprintln(c.App.Writer, line)
	return err
}

const (
	qrMargin = 4 // modules of nothing around it, without which readers do not find it
	qrColour = "\x1b[30;107m"
	noColour = "\x1b[0m"
)

// drawQR draws a text for the camera of a phone, dark on light whatever colours the terminal has. A character has two
// modules, one above the other, and so the form of a square.
func drawQR(out io.Writer, text string) error {
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return fmt.Errorf("draw the QR code: %w", err)
	}
	for y := -qrMargin; y < code.Bounds().Dy()+qrMargin; y += 2 {
		var row strings.Builder
		for x := -qrMargin; x < code.Bounds().Dx()+qrMargin; x++ {
			row.WriteString(qrHalves[isDark(code, x, y)][isDark(code, x, y+1)])
		}
		if _, err := fmt.Fprintln(out, qrColour+row.String()+noColour); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintln(out)
	return err
}

// qrHalves are the characters of a dark upper and a dark lower module.
var qrHalves = map[bool]map[bool]string{
	true: {true: "█", false: "▀"}, false: {true: "▄", false: " "},
}

func isDark(code barcode.Barcode, x, y int) bool {
	if x < 0 || y < 0 || x >= code.Bounds().Dx() || y >= code.Bounds().Dy() {
		return false
	}
	brightness, _, _, _ := code.At(x, y).RGBA()
	return brightness == 0
}
